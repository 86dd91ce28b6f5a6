/** Sections as Markdown: for the terminal, and as `docs/benchmarks.md`. */
import { markdownTable } from '../tools/docs/markdown.ts';
import type { BenchSection } from './section.ts';

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

export function pageText(sections: readonly BenchSection[], { node, cpu, cores, platform, date }: Machine): string {
  const contents = sections.map(({ title }) => `[${title}](#${anchorOf(title)})`).join(' · ');
  return `${[
    '# Benchmarks',
    'How fast each part is, compared with its lower bound. `npm run bench` measures everything and writes this page and\n' +
      '[benchmarks.json](benchmarks.json); do not edit them by hand.',
    contents,
    '## How to read it',
    [
      `- Measured on ${date} with Node ${node} on ${platform}, ${cores} cores of ${cpu}. Figures differ between machines; ratios differ less.`,
      '- *Page transform* and *Compression* interleave what they compare in one process (A B A B); a ratio with a range compares\n' +
        '  values of the same round.',
      '- `1.06 (1.05–1.13)` is the median with the minimum and maximum. A figure without a range was measured once, was always\n' +
        '  the same, or is derived from medians.',
      '- Accounts come from the simulator; nothing leaves the machine.',
      '- `npm run bench -- NAME` runs one benchmark; `npm run bench -- --quick` measures less. Both only print.',
      '- Comparison with other tools: [benchmarks-peers.md](benchmarks-peers.md) (`npm run bench:peers`).',
    ].join('\n'),
    ...sections.map(sectionText),
  ].join('\n\n')}\n`;
}

/** The anchor that GitHub gives a heading. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
