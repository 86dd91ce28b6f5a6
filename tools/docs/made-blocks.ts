/** The parts of a page that are made from the code, so that they cannot say something else than the code does. */

/** Text by the name of the block that holds it. */
export type MadeBlocks = Readonly<Record<string, string>>;

const BLOCK = /(<!-- made by npm run docs: (\S+) -->)[\s\S]*?(<!-- \/made -->)/g;

/**
 * The page with its blocks filled in. What lies between them is left as it is.
 * @throws Error for a block that nobody makes, and for one that the page does not have
 */
export function withMadeBlocks(page: string, blocks: MadeBlocks): string {
  const missing = new Set(Object.keys(blocks));
  const filled = page.replaceAll(BLOCK, (_block, begin: string, name: string, end: string) => {
    const text = blocks[name];
    if (text === undefined || !missing.delete(name)) throw new Error(`The block "${name}" is not made, or made twice.`);
    return `${begin}\n\n${text}\n\n${end}`;
  });
  if (missing.size > 0) throw new Error(`The page has no block ${[...missing].join(', ')}.`);
  return filled;
}

/** Blocks as the page has them, for those that are not made anew each time. */
export function keptBlocks(page: string, names: readonly string[]): MadeBlocks {
  const all = [...page.matchAll(BLOCK)].map(([block, , name = '']) => {
    return [name, block.replace(/^<!--.*?-->\s*|\s*<!-- \/made -->$/g, '')];
  });
  return Object.fromEntries(all.filter(([name = '']) => names.includes(name)));
}

/** A table of Markdown; a bar in a cell does not end it. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[], align = ''): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = `|${head.map((_, i) => (align[i] === 'r' ? '---:' : '---')).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
