import { describe, expect, it } from 'vitest';
import { pageText, sectionText } from '../../bench/report.ts';
import type { BenchSection } from '../../bench/section.ts';

const SECTION: BenchSection = {
  title: 'Page transform, per core',
  about: 'What was measured.',
  tables: [{ head: ['format', 'ms'], align: 'lr', rows: [['json', '8.5']] }],
  findings: ['It is fast.', 'It was measured.'],
  figures: {},
};

describe('a section', () => {
  it('is its title, what was measured, the tables, and what follows from them', () => {
    expect(sectionText(SECTION)).toBe(
      '## Page transform, per core\n\nWhat was measured.\n\n| format | ms |\n|---|---:|\n| json | 8.5 |\n\n- It is fast.\n- It was measured.',
    );
  });
});

describe('the page', () => {
  it('says on which machine, and leads to each section', () => {
    const machine = { node: '24.21.0', cpu: 'EPYC', cores: 2, platform: 'linux x64', date: '2026-11-24' };
    const page = pageText([SECTION, { ...SECTION, title: 'Bundles' }], machine);
    expect(page).toContain('\n\n[Page transform, per core](#page-transform-per-core) · [Bundles](#bundles)\n\n');
    expect(page).toContain('Measured on 2026-11-24 with Node 24.21.0 on linux x64, 2 cores of EPYC.');
    expect(page).toContain('\n- Beside others, [benchmarks-peers.md](benchmarks-peers.md): `npm run bench:peers`.\n');
    expect(page.split('\n').filter((line) => line.startsWith('## '))).toEqual([
      '## How to read it',
      '## Page transform, per core',
      '## Bundles',
    ]);
  });
});
