/** The checks of what accounts look like, in JSON and in CSV. */
import { fieldOf } from '../../functions/formats/account-columns.ts';
import { csvTableColumns } from '../../functions/formats/csv.ts';
import type { ExportSettings } from '../../functions/model/export-settings.ts';
import type { MapShapes } from '../../simulator/fingerprint.ts';
import { shortened } from '../terminal/display-width.ts';
import { ok, type Result, warn } from '../terminal/findings.ts';
import { count, counted } from '../terminal/format.ts';
import { failed } from './failed-check.ts';
import type { CsvSample, Outcome, Sampled, TenantLook } from './look-at-tenant.ts';
import { missingFields } from './profile-accounts.ts';

export function fieldsOf(sample: Sampled): Result {
  const { fields, records, keptAsSent } = sample;
  const unknown = fields.map(({ name }) => name).filter((name) => !fieldOf(name));
  const missing = missingFields(fields);
  const detail = [
    `${counted(fields.length, 'field')} in ${counted(records, 'account')}`,
    ...(unknown.length === 0 ? [] : [`without a column: ${listed(unknown)}`]),
    ...(missing.length === 0 ? [] : [`in none of them: ${listed(missing)}`]),
  ].join('; ');
  const named = fields.find(({ name }) => fieldOf(name)?.name === 'name')?.present ?? 0;
  if (named < records) {
    const remedy =
      'Records without a name count as duplicates only if they are identical. Ask Salesforce why names are missing.';
    return warn(`${detail}; ${counted(records - named, 'account')} without a name`, remedy);
  }
  if (keptAsSent.length === 0) return ok(detail);
  return warn(
    `${detail}; values that the columns cannot hold: ${listed(keptAsSent)}`,
    'Queries read NULL or a converted value; the parts also keep what was sent.',
  );
}

const SHAPES: Readonly<Record<keyof MapShapes, string>> = {
  flat: 'flat objects',
  array: 'arrays of {name, value}',
  objects: 'objects of {value}',
  other: 'in an unknown shape',
};

export function attributesOf({ fields, records }: Sampled): Result {
  const field = fields.find(({ name }) => fieldOf(name)?.name === 'attributes');
  const { shapes, members = [] } = field?.map ?? {};
  if (field === undefined || shapes === undefined || field.present === 0) {
    return warn(
      `no account of ${count(records)} has attributes`,
      'Check that the dataset has attributes, and that the API key may read them.',
    );
  }
  const found = (Object.keys(SHAPES) as (keyof MapShapes)[]).filter((shape) => shapes[shape] > 0);
  const [only] = found;
  const shape =
    found.length === 1 && only !== undefined
      ? SHAPES[only]
      : `mixed (${found.map((one) => `${shapes[one]} ${SHAPES[one]}`).join(', ')})`;
  const without = records - field.present;
  const names = members.map(({ name }) => name);
  const detail = [
    shape,
    ...(without === 0 ? [] : [`${counted(without, 'account')} without any`]),
    `${counted(names.length, 'attribute')}: ${listed(names)}`,
  ].join('; ');
  if (shapes.other === 0) return ok(detail);
  return warn(detail, 'Queries read NULL for them; the parts keep the original values in attributes_as_sent.');
}

/** How many names a line shows. */
const LISTED = 12;
/** Columns of a name: with a comma, it fits on a line. */
const NAME_WIDTH = 58;

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length - LISTED;
  const shown = names
    .slice(0, LISTED)
    .map((name) => shortened(name, NAME_WIDTH))
    .join(', ');
  return more > 0 ? `${shown} and ${more} more` : shown;
}

export function csvOf(
  settings: Pick<ExportSettings, 'format' | 'attributeColumns'>,
  { sample, order }: TenantLook,
  csv: Outcome<CsvSample>,
): Result {
  // Only CSV exports need this endpoint.
  if (csv.error) return settings.format === 'csv' ? failed(csv.error) : { ...failed(csv.error), status: 'warn' };
  const { columns, names } = csv.value;
  if (columns.length === 0) return ok('no header, because there are no accounts');
  const { attributeColumns = [] } = settings;
  const unmapped = columns.filter((column) => !csvTableColumns(attributeColumns).includes(column));
  const noColumn =
    settings.format === 'csv'
      ? `without a column in the table: ${listed(unmapped)}`
      : `${count(unmapped.length)} of them need --attribute-columns in a CSV export`;
  const detail = [counted(columns.length, 'column'), ...(unmapped.length === 0 ? [] : [noColumn])].join('; ');
  const sameNames = sample?.value?.names.slice(0, names.length).map((name) => name.replaceAll(LINE_BREAK, '\\n'));
  if (order?.value === 'stable' && sameNames?.join('\n') !== names.join('\n')) {
    return warn(`${detail}; it lists other accounts than JSON`, 'Do not compare exports of both formats.');
  }
  const attributes = sample?.value?.fields.find(({ name }) => fieldOf(name)?.name === 'attributes')?.map?.members ?? [];
  const notInCsv = attributes.map(({ name }) => name).filter((name) => !columns.includes(name));
  if (settings.format !== 'csv') return ok(detail);
  if (notInCsv.length > 0) {
    const remedy = 'CSV pages can have different columns: if these attributes matter, export JSON or Parquet.';
    return warn(`${detail}; attributes without a column: ${listed(notInCsv)}`, remedy);
  }
  if (unmapped.length === 0) return ok(detail);
  return warn(detail, 'To query them, append them to --attribute-columns, or to attributeColumns in cdk.json.');
}

const LINE_BREAK = /\r\n|\n|\r/g;
