/** The table of names in `docs/athena.md`, from the definitions of tables and views. */
import { RUN_PARTITIONS } from '../../functions/catalog/tables.ts';
import { VIEW_COLUMNS, viewColumnOf } from '../../functions/catalog/views.ts';
import { ACCOUNT_FIELDS } from '../../functions/formats/account-columns.ts';
import { SUPERSEDED_COLUMN } from '../../functions/formats/csv.ts';
import { type GeneratedBlocks, markdownTable } from './markdown.ts';

export function athenaBlocks(): GeneratedBlocks {
  return { names: namesTable() };
}

function namesTable(): string {
  const code = (name: string) => `\`${name}\``;
  const fields = ACCOUNT_FIELDS.map(({ name }) => [name, name.toLowerCase(), viewColumnOf(name)]);
  const partitions = RUN_PARTITIONS.map(({ name }) => ['', name, name]);
  const named = [...fields, ...partitions].map(([, , view]) => view);
  const onlyViews = VIEW_COLUMNS.filter(({ name }) => !named.includes(name)).map(({ name }) => ['', '', name]);
  const rows = [...fields, ...partitions, ...onlyViews, ['', SUPERSEDED_COLUMN, ''], ['', 'other_fields', '']];
  return markdownTable(
    ['API, JSON parts', 'tables `accounts_…`', 'views'],
    rows.map((row) => row.map((name) => (name === '' ? '' : code(name)))),
  );
}
