import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { tableDefinitions } from '../../functions/catalog/tables.ts';
import { VIEW_COLUMNS } from '../../functions/catalog/views.ts';
import { athenaBlocks } from '../../tools/docs/athena-tables.ts';
import { fillBlocks } from '../../tools/docs/markdown.ts';

const page = await readFile('docs/athena.md', 'utf8');

it('docs/athena.md has the generated table of names', () => {
  expect(fillBlocks(page, athenaBlocks())).toBe(page);
});

it('the table of names has every column of the account tables and of the views', () => {
  const tables = tableDefinitions([]).filter(({ name }) => name.startsWith('accounts_'));
  const columns = tables.flatMap(({ columns, partitionKeys }) => [...columns, ...partitionKeys]);
  const listed = (athenaBlocks().names ?? '').split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  const inColumn = (at: number) => new Set(listed.slice(2).flatMap((cells) => (cells[at] ? [cells[at]] : [])));
  expect(inColumn(2)).toEqual(new Set(columns.map(({ name }) => `\`${name}\``)));
  expect(inColumn(3)).toEqual(new Set(VIEW_COLUMNS.map(({ name }) => `\`${name}\``)));
});
