import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { barChart } from '../../bench/chart.ts';
import { figuresText, limitsTable, pageOf } from '../../bench/document.ts';
import { SECTIONS } from '../../bench/main.ts';
import { other, own, type Section } from '../../bench/section.ts';

const MEASURED = { date: '2026-01-02', seconds: 5, load: 0.25, node: '24.0.0', machine: '2 cores' };
const FIGURES = {
  second: { measured: MEASURED, rows: [{ ms: 3 }] },
  first: { measured: MEASURED, rows: [{ ms: 1.23456789 }, { ms: 2 }] },
};

interface Row {
  readonly ms: number;
}

function section(question: string, limit: number): Section<Row> {
  return {
    question,
    measure: async () => [],
    describe: (rows) => ({
      answer: `It takes ${rows[0]?.ms} ms.`,
      about: 'About.',
      chart: [{ title: 'ms', bars: [own('this', rows[0]?.ms ?? 0, '1 ms'), other('<floor>', 0.5, '0.5 ms')] }],
      limits: [['this', rows[0]?.ms ?? 0, limit, 'ms']],
    }),
  };
}

describe('the stored figures', () => {
  it('have one line for each row, six digits, and the order of the page', () => {
    const text = figuresText(FIGURES, ['first', 'second']);
    expect(text.split('\n').filter((line) => line.startsWith('{"ms"'))).toEqual([
      '{"ms":1.23457},',
      '{"ms":2}',
      '{"ms":3}',
    ]);
    expect(Object.keys(JSON.parse(text))).toEqual(['first', 'second']);
  });

  it('can be read back', () => {
    const text = figuresText(FIGURES, ['first', 'second']);
    expect(figuresText(JSON.parse(text), ['first', 'second'])).toBe(text);
  });
});

describe('the page', () => {
  it('has the sections with figures, each with its answer, chart and table', () => {
    const sections = {
      first: section('How fast?', 2),
      third: section('Unmeasured?', 2),
      second: section('How slow?', 2),
    };
    const { markdown, images } = pageOf(sections, FIGURES);
    expect(markdown.match(/^## (?:How fast|Unmeasured|How slow)\?/gm)).toEqual(['## How fast?', '## How slow?']);
    expect(markdown).toContain('- [How fast?](#how-fast) It takes 1.23456789 ms.');
    expect(markdown).toContain('(images/bench-first.svg)');
    expect(markdown).toContain('- ms: this **1 ms**; <floor> **0.5 ms**');
    expect(Object.keys(images)).toEqual(['bench-first.svg', 'bench-second.svg']);
  });

  it('says which limits are exceeded', () => {
    const met = section('A?', 3).describe([{ ms: 3 }]);
    const exceeded = section('B?', 2.5).describe([{ ms: 3 }]);
    expect(limitsTable([met, exceeded]).split('\n').slice(2)).toEqual([
      '| this | 3 ms | 3 ms | met |',
      '| this | 3 ms | 2.50 ms | **exceeded** |',
    ]);
  });

  it('is the one that the stored figures give, and so are its charts', async () => {
    const docs = new URL('../../docs/', import.meta.url);
    const read = (file: string) => readFile(new URL(file, docs), 'utf8');
    const { markdown, images } = pageOf(SECTIONS, JSON.parse(await read('benchmarks.json')));
    expect(await read('benchmarks.md')).toBe(markdown);
    for (const [file, svg] of Object.entries(images)) expect(await read(`images/${file}`)).toBe(svg);
  });
});

describe('a chart', () => {
  it('has bars in proportion to their values, on a scale for each panel', () => {
    const panels = [
      { title: 'a', bars: [own('x', 10, '10'), other('y', 5, '5')] },
      { title: 'b', bars: [own('z', 1, '1')] },
    ];
    const widths = [...barChart('title', panels).matchAll(/width="([\d.]+)" height="9"/g)].map(([, width]) => width);
    expect(widths).toEqual(['448', '224', '448']);
  });

  it('escapes text', () => {
    const svg = barChart('a < b', [{ title: '"c"', bars: [own('d & e', 1, '1')] }]);
    expect(svg).toContain('<title>a &lt; b</title>');
    expect(svg).toContain('>d &amp; e</text>');
  });
});
