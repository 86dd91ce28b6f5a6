/** Sections as text: for a terminal, and as `docs/benchmarks.md`. */
import { markdownTable } from '../tools/docs/markdown.ts';
import type { BenchSection } from './section.ts';

/** Where a run was made: figures of two machines do not compare. */
export interface Machine {
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
  /** `YYYY-MM-DD`, UTC. */
  readonly date: string;
}

export function sectionText({ title, about, tables, findings }: BenchSection): string {
  const list = findings.map((finding) => `- ${finding}`).join('\n');
  const made = tables.map(({ head, align, rows }) => markdownTable(head, rows, align));
  return [`## ${title}`, about, ...made, ...(list === '' ? [] : [list])].join('\n\n');
}

/** The whole page. */
export function pageText(sections: readonly BenchSection[], { node, cpu, cores, platform, date }: Machine): string {
  const contents = sections.map(({ title }) => `[${title}](#${anchorOf(title)})`).join(' · ');
  return `${[
    '# Benchmarks',
    'How fast each part is, next to what bounds it. `npm run bench` measures it all and writes this page and\n' +
      '[benchmarks.json](benchmarks.json), the same figures for machines: nothing on it is written by hand.',
    contents,
    '## How to read it',
    [
      `- Measured on ${date} with Node ${node} on ${platform}, ${cores} cores of ${cpu}. Other machines have other figures; ratios differ less.`,
      '- Under *Page transform* and *Compression*, what is compared runs in turn within one process, A B A B, and a ratio\n' +
        '  that has a range is made of two values of the same round. The other sections say how they measure.',
      '- `1.06 (1.05–1.13)` is the median of what was measured, with the least and the greatest. A figure without a range was\n' +
        '  measured once, always came out the same, or is a median alone or made of such.',
      '- Nothing leaves the machine. Accounts are those of the simulator.',
      '- `npm run bench -- NAME` runs one of them and `npm run bench -- --quick` all with less to measure: both only print.',
      '- Beside others, [benchmarks-peers.md](benchmarks-peers.md): `npm run bench:peers`.',
    ].join('\n'),
    ...sections.map(sectionText),
  ].join('\n\n')}\n`;
}

/** As GitHub makes it of a heading. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
