/** What `query` prints: tables, records, JSON and CSV. */
import { describe, expect, it } from 'vitest';
import { type Layout, printResult } from '../../cli/query/print-result.ts';
import type { QueryColumn, Row } from '../../cli/query/query-result.ts';
import { displayWidth, pieces } from '../../cli/terminal/display-width.ts';

interface Printed {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  readonly layout?: Layout;
  readonly width?: number;
  readonly isTTY?: boolean;
}

/** @param columns names; those that start with `#` are numbers */
async function printed({ columns, rows, layout = 'auto', width = 80, isTTY = false }: Printed): Promise<string> {
  let text = '';
  const stdout = { isTTY, write: (more: string) => (text += more) };
  const chunks = (async function* () {
    // One row in a chunk, to find what is lost between chunks.
    for (const row of rows) yield [row];
  })();
  const result = {
    columns: columns.map((name): QueryColumn => ({ name: name.replace('#', ''), isNumber: name.startsWith('#') })),
    chunks,
  };
  await printResult(result, { stdout, layout, width, seconds: 0.414 });
  return text;
}

describe('a table', () => {
  it('aligns numbers on the right, and characters of two columns', async () => {
    const rows = [
      ['株式会社', 0.5, 1],
      ['🦄 e\u0301', 12.25, 1000],
      ['plain', null, 20],
    ];
    expect(await printed({ columns: ['name', '#score', '#n'], rows })).toBe(
      `name     │ score │    n
─────────┼───────┼─────
株式会社 │   0.5 │    1
🦄 e\u0301     │ 12.25 │ 1000
plain    │  NULL │   20
3 rows in 0.41 s
`,
    );
  });

  it('shows NULL, an empty text and the text NULL differently, and escapes control characters', async () => {
    const rows = [[null, '', 'NULL', 'a\u001b[2J\nb']];
    expect((await printed({ columns: ['a', 'b', 'c', 'd'], rows })).split('\n')[2]).toBe(
      'NULL │   │ "NULL" │ a\\u001b[2J\\u000ab',
    );
  });

  it('has its header without rows', async () => {
    expect(await printed({ columns: ['a', '#b'], rows: [] })).toBe('a │ b\n──┼──\n0 rows in 0.41 s\n');
  });
});

describe('one record below the other', () => {
  const columns = ['name', 'attributes', '#score'];
  const rows = [
    ['Acme', { industry: 'Banking', region: 'EMEA', tags: '["vip"]' }, 0.5],
    [null, {}, null],
  ];

  it('replaces a table that is one column wider than the terminal', async () => {
    const table = await printed({ columns, rows, width: Number.POSITIVE_INFINITY });
    const needed = Math.max(...table.split('\n').map(displayWidth));
    expect(await printed({ columns, rows, width: needed })).toBe(table);
    expect(await printed({ columns, rows, width: needed - 1 })).toMatch(/^── row 1 ─/);
  });

  it('continues long values on the next line, and maps after an entry', async () => {
    expect(await printed({ columns, rows, width: 40 })).toBe(
      `── row 1 ───────────────────────────────
name       │ Acme
attributes │ {"industry":"Banking",
           │  "region":"EMEA",
           │  "tags":"[\\"vip\\"]"}
score      │ 0.5
── row 2 ───────────────────────────────
name       │ NULL
attributes │ {}
score      │ NULL
2 rows in 0.41 s
`,
    );
  });

  it('cuts no value, and fits 80 columns', async () => {
    const long = '株'.repeat(100);
    const text = await printed({ columns: ['name', 'list'], rows: [[long, [long, 'b']]], width: 80 });
    expect(text.split('\n').filter((line) => displayWidth(line) > 80)).toEqual([]);
    expect(text.match(/株/g)).toHaveLength(200);
  });

  it('is printed on request', async () => {
    expect(await printed({ columns: ['a'], rows: [[1]], layout: 'vertical' })).toMatch(/^── row 1 ─+\na │ 1\n1 row in/);
  });
});

describe('JSON', () => {
  it('is one array, whatever the number of rows', async () => {
    for (const n of [0, 1, 3]) {
      const rows = Array.from({ length: n }, (_, i) => [i, { k: 'v\u001b' }]);
      const text = await printed({ columns: ['#i', 'm'], rows, layout: 'json' });
      expect(JSON.parse(text)).toEqual(rows.map(([i, m]) => ({ i, m })));
      expect(text).not.toContain('\u001b');
    }
  });

  it('keeps both of two columns with one name', async () => {
    const text = await printed({ columns: ['a', 'a', 'a:1'], rows: [[1, 2, 3]], layout: 'json' });
    expect(Object.values(JSON.parse(text)[0])).toEqual([1, 2, 3]);
  });
});

it('CSV has NULL as an empty cell and an empty text in quotes', async () => {
  const rows = [[null, '', 'a,"b"', { k: 1 }]];
  expect(await printed({ columns: ['a', 'b', 'c', 'd'], rows, layout: 'csv' })).toBe(
    'a,b,c,d\n,"","a,""b""","{""k"":1}"\n',
  );
});

describe('the width of text', () => {
  it.each([
    ['abc', 3],
    ['é', 1],
    ['e\u0301', 1],
    ['日本', 4],
    ['한글', 4],
    ['\u1112\u1161\u11ab', 2],
    ['ｶﾅ', 2],
    ['Ａ', 2],
    ['🦄', 2],
    ['👩‍👩‍👧‍👦', 2],
    ['🇩🇪', 2],
    ['❤️', 2],
    ['\u200b', 0],
    ['𠀀', 2],
    ['العربية', 7],
  ])('%s is %i', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });

  it('is kept by pieces, which never split a character', () => {
    expect(pieces('a日本👩‍👩‍👧‍👦b', 3)).toEqual(['a日', '本', '👩‍👩‍👧‍👦b']);
    expect(pieces('', 3)).toEqual(['']);
  });
});
