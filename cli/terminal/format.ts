export { bytes, count, counted, duration, money } from '../../functions/model/readable.ts';

/** Lines of at most `columns`, except longer items, which stay whole. */
export function wrapped(items: readonly string[], separator: string, columns: number): string[] {
  const lines: string[] = [];
  for (const [i, item] of items.entries()) {
    const text = i === items.length - 1 ? item : item + separator;
    const last = lines.at(-1);
    if (last === undefined || last.length + text.trimEnd().length > columns) lines.push(text);
    else lines[lines.length - 1] = last + text;
  }
  return lines.map((line) => line.trimEnd());
}
