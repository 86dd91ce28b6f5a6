/** `docs/benchmarks.md` and its charts, made from `docs/benchmarks.json` alone. */
import { markdownTable, wrapped } from '../tools/docs/markdown.ts';
import { barChart } from './chart.ts';
import { type Described, grouped, type Section } from './section.ts';

/** How a section was measured. */
export interface Measured {
  /** `YYYY-MM-DD`, UTC. */
  readonly date: string;
  readonly seconds: number;
  /** Load average of the minute before. */
  readonly load: number;
  readonly node: string;
  readonly machine: string;
}

/** The figures of a section; the rows are those that its `describe` reads. */
export interface StoredSection {
  readonly measured: Measured;
  readonly rows: readonly object[];
}

/** By the name of the section. */
export type Figures = Readonly<Record<string, StoredSection>>;

/** One line for each row. Figures have six digits, more than any measurement has. @param order of the sections */
export function figuresText(figures: Figures, order: readonly string[]): string {
  const line = (value: object) => JSON.stringify(value, sixDigits);
  const sections = order.flatMap((name) => {
    const { measured, rows } = figures[name] ?? {};
    if (!measured || !rows) return [];
    return [`${JSON.stringify(name)}: {"measured": ${line(measured)}, "rows": [\n${rows.map(line).join(',\n')}\n]}`];
  });
  return `{\n${sections.join(',\n')}\n}\n`;
}

function sixDigits(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

const VALUES =
  'Compared once, on 2026-11-25, with 20,000 accounts that have integers of 16 and 19 digits, nested attributes, and missing and new fields. Account Export changed no value, nor did dlt 1.31.0 with `attributes` declared as JSON. With nothing declared, dlt changed a number in 3,874 accounts (`9007199254740993` became `9007199254740992.0`) and a type in 3,231, and lost a value in 3,260. Singer (tap-rest-api-msdk 1.4.2, target-jsonl 0.1.4) lost a field that its schema does not name in 1,021 accounts, and failed when it inferred the schema.';

export interface Page {
  readonly markdown: string;
  /** By file name, for `docs/images/`. */
  readonly images: Readonly<Record<string, string>>;
}

/** @param sections in the order of the page; those without figures are left out */
export function pageOf(sections: Readonly<Record<string, Section<object>>>, figures: Figures): Page {
  const shown = Object.entries(sections).flatMap(([name, { question, describe }]) => {
    const stored = figures[name];
    if (!stored) return [];
    const described = describe(stored.rows);
    return [{ name, question, image: `bench-${name}.svg`, measured: stored.measured, described }];
  });
  const images = shown.map(({ image, question, described }) => [image, barChart(question, described.chart)] as const);
  const markdown = `${[
    '# Benchmarks',
    wrapped(
      'How fast each part is, how much memory it takes, and how that compares with a lower bound or with another tool that was measured in the same minutes. `npm run bench` and `npm run bench:peers` write this page and its charts from [benchmarks.json](benchmarks.json); do not edit them by hand.',
    ),
    shown
      .map(({ question, described }) => bullet(`[${question}](#${anchorOf(question)}) ${described.answer}`))
      .join('\n'),
    '## How to read it',
    [
      '`1.06 (1.05–1.13)` is the median with the minimum and maximum. A figure without a range was measured once, was always the same, or is derived from medians.',
      'Blue bars are this project, gray ones what it is compared with. Each group of bars has its own scale.',
      'Figures differ between machines; ratios differ less. Accounts come from the simulator, and nothing leaves the machine.',
    ]
      .map(bullet)
      .join('\n'),
    '## How to run it',
    '```sh\nnpm run bench                       # everything but the other tools\nnpm run bench:peers                 # next to dlt and Singer; installs them\nnpm run bench -- NAME               # measures one section again and keeps the others\nnpm run bench -- --quick [NAME]     # measures less, prints, and writes nothing\n```',
    wrapped(
      `Names: ${Object.keys(sections)
        .map((name) => `\`${name}\``)
        .join(', ')}. Whole runs need Python 3.10 or later, which measures child processes.`,
    ),
    ...shown.flatMap(({ image, question, described }) => [
      `## ${question}`,
      `![Chart: ${question} The same as text below.](images/${image})`,
      sectionText(described),
    ]),
    '## Do the values stay the same?',
    wrapped(VALUES),
    '## Limits',
    wrapped('A change that exceeds one of these needs a reason.'),
    limitsTable(shown.map(({ described }) => described)),
    '## When each section was measured',
    markdownTable(
      ['section', 'date', 'seconds', 'load before', 'machine'],
      shown.map(({ name, measured: { date, seconds, load, node, machine } }) => [
        `\`${name}\``,
        date,
        `${seconds}`,
        load.toFixed(1),
        `${machine}, Node.js ${node}`,
      ]),
      'llrrl',
    ),
  ].join('\n\n')}\n`;
  return { markdown, images: Object.fromEntries(images) };
}

/** Without the heading and the chart, which has the same figures. */
export function sectionText({ about, chart, table }: Described): string {
  const values = chart.map(({ title, bars }) => {
    return bullet(`${title}: ${bars.map(({ label, text }) => `${label} **${text}**`).join('; ')}`);
  });
  const figures = `<details><summary>The chart as text</summary>\n\n${values.join('\n')}\n\n</details>`;
  return [wrapped(about), figures, ...(table === undefined ? [] : [table])].join('\n\n');
}

/** Figures that are larger than their limit are **exceeded**. */
export function limitsTable(described: readonly Described[]): string {
  const cell = (value: number, unit: string) => `${grouped(value, value < 100 && value % 1 !== 0 ? 2 : 0)} ${unit}`;
  const rows = described.flatMap(({ limits = [] }) =>
    limits.map(([what, measured, limit, unit]) => {
      return [what, cell(measured, unit), cell(limit, unit), measured <= limit ? 'met' : '**exceeded**'];
    }),
  );
  return markdownTable(['figure', 'measured', 'limit', ''], rows, 'lrrl');
}

function bullet(text: string): string {
  return wrapped(`- ${text}`).replaceAll('\n', '\n  ');
}

/** The anchor that GitHub gives a heading. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}
