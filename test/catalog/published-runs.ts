/** Hand-made runs for the tests on Trino and of the command `query`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { csvTableColumns } from '../../functions/formats/csv.ts';
import { formatForRun } from '../../functions/formats/format-for-run.ts';
import { EXPORT_FORMATS, type ExportFormat, partExtension } from '../../functions/model/export-format.ts';
import type { FieldPresence } from '../../functions/model/field-coverage.ts';
import { ODD_ACCOUNTS_AS_JSON, ODD_NUMBERS_AS_CSV, ODD_NUMBERS_AS_JSON } from '../support/odd-accounts.ts';
import type { SmallS3 } from '../support/small-s3.ts';
import type { Trino } from '../trino/trino.ts';

/** Two that need another column name, and one with the name of a partition key. */
export const ATTRIBUTE_COLUMNS = ['industry', 'Annual Revenue', 'Run ID'];
/** The attributes that any configured export names. */
export const ATTRIBUTE_NAMES = [...ATTRIBUTE_COLUMNS, 'region', 'employees', 'tags'];

function csvLine(cells: readonly string[]): string {
  return cells.map((cell) => `"${cell}"`).join();
}

interface HandMadeRun {
  readonly exportName: string;
  readonly runId: string;
  readonly format: ExportFormat;
  readonly date: string;
  readonly publishedAt: string;
  /** Lines of each part. */
  readonly parts: readonly (readonly string[])[];
  /** If the lines are those of API answers, from which the parts are written: the configured attribute columns. */
  readonly asSent?: readonly string[];
  /** The partitions that exist. Published runs have `accounts` and `run`. */
  readonly partitions: readonly ('accounts' | 'newest' | 'run')[];
  readonly verdict?: 'consistent' | 'drifted';
}

const CSV_FIELDS = [
  'name',
  'engagementScore',
  'engagementPercentChange',
  'firstActivity',
  'lastActivity',
  'totalActions',
  'accountStatus',
  'segmentJoined',
  'superseded',
];
const CSV_HEADER = csvLine([...CSV_FIELDS, ...ATTRIBUTE_COLUMNS]);

const RUNS: readonly HandMadeRun[] = [
  {
    exportName: 'all-accounts',
    runId: 'json-1',
    format: 'json',
    date: '2026-08-20',
    publishedAt: '2026-08-20T02:05:00.000Z',
    parts: [['{"name":"Acme Inc. 1","engagementScore":0.125,"totalActions":1}']],
    partitions: ['accounts', 'run'],
    verdict: 'drifted',
  },
  {
    exportName: 'all-accounts',
    runId: 'json-2',
    format: 'json',
    date: '2026-08-21',
    publishedAt: '2026-08-21T02:05:00.000Z',
    parts: [
      [
        '{"name":"Acme Inc. 1","engagementScore":0.5,"totalActions":51,"accountStatus":"Active","attributes":{"industry":"Retail"}}',
        '{"name":"Gone","totalActions":1}',
        '{"name":"Twice","totalActions":2}',
      ],
    ],
    // Still in `newest_json`, as after an interrupted publish.
    partitions: ['accounts', 'newest', 'run'],
  },
  {
    exportName: 'all-accounts',
    runId: 'json-2-again',
    format: 'json',
    date: '2026-08-21',
    publishedAt: '2026-08-21T09:00:00.123Z',
    parts: [
      [
        '{"name":"Acme Inc. 1","engagementScore":0.5,"engagementPercentChange":-0.25,"firstActivity":1358640000123,"lastActivity":1360195200000,"totalActions":51,"accountStatus":"Active","attributes":{"industry":"Banking","region":"EMEA","employees":20000,"revenue":1.10,"crmId":9007199254740993,"tags":"[\\"vip\\",\\"b, c\\"]"}}',
        '{"name":"Twice","totalActions":1,"superseded":true}',
        '{"name":"Twice","totalActions":2}',
        '{"name":"Moved","totalActions":1}',
      ],
      [
        '{"name":"Moved","totalActions":2}',
        '{"name":"Quote \\" back\\\\slash \u2028 🦄","engagementPercentChange":0.75,"lastActivity":9223372036854775807,"attributes":{"region":"","industry":null}}',
        '{"name":"Joined","segmentJoined":1400000000001,"segmentInputValues":{"minActions":"5"}}',
        '{"totalActions":7}',
        '{"totalActions":7}',
      ],
    ],
    partitions: ['accounts', 'newest', 'run'],
  },
  {
    exportName: 'all-accounts',
    runId: 'json-filled-in',
    format: 'json',
    date: '2026-08-10',
    publishedAt: '2026-08-22T12:00:00.000Z',
    parts: [['{"name":"Acme Inc. 1","engagementScore":0.0625,"totalActions":0}']],
    partitions: ['accounts', 'run'],
  },
  {
    exportName: 'all-accounts',
    runId: 'json-not-yet',
    format: 'json',
    date: '2026-08-22',
    publishedAt: '2026-08-22T02:05:00.000Z',
    parts: [['{"name":"Acme Inc. 1","totalActions":99}', '{"name":"Half-way"}']],
    partitions: ['accounts', 'newest'],
  },
  {
    exportName: 'sheet',
    runId: 'csv-1',
    format: 'csv',
    date: '2026-08-21',
    publishedAt: '2026-08-21T03:00:00.000Z',
    parts: [
      [
        CSV_HEADER,
        '"Comma, ""quoted"" C:\\\\temp","0.5","","1358640000123","","51","Active","","","Banking","1.10","r-1"',
        '"Twice","","","","","1","","","true","","",""',
        '"Twice","","","","","2","","","","","",""',
        '"Moved","","","","","1","","","","","",""',
        '"","","","","","3","","","","Retail","",""',
        '"","","","","","4","","","","Retail","",""',
      ],
      [
        CSV_HEADER,
        '"Moved","n/a","","","9223372036854775807","2","","1400000000001","","  two\\\\nlines","","NaN"',
        '"","","","","","5","","","","Retail","",""',
      ],
    ],
    partitions: ['accounts', 'newest', 'run'],
  },
  {
    exportName: 'switched',
    runId: 'switched-json',
    format: 'json',
    date: '2026-08-20',
    publishedAt: '2026-08-20T04:00:00.000Z',
    parts: [['{"name":"As JSON","totalActions":1}']],
    partitions: ['accounts', 'newest', 'run'],
  },
  {
    exportName: 'switched',
    runId: 'switched-parquet',
    format: 'parquet',
    date: '2026-08-21',
    publishedAt: '2026-08-21T04:00:00.000Z',
    parts: [
      [
        '{"name":"Typed","engagementScore":0.5,"lastActivity":1358640000123,"totalActions":9,"attributes":{"industry":"Banking","revenue":1.10,"empty":"","none":null}}',
        '{"name":"Far away","firstActivity":8640000000000000,"lastActivity":9223372036854775807}',
      ],
      ['{"name":"Typed","totalActions":10}', '{"totalActions":1}', '{"totalActions":2}'],
    ],
    partitions: ['accounts', 'newest', 'run'],
  },
];

/** More attribute names than an array of Trino may have: a CSV export with the maximum, and a JSON export with others. */
export const WIDE_COLUMNS = Array.from({ length: 500 }, (_, i) => `Column ${i}`);
export const WIDE_NAMES = [...WIDE_COLUMNS, ...Array.from({ length: 100 }, (_, i) => `It's "${i}"`)];

export const WIDE_RUNS: readonly HandMadeRun[] = [
  {
    exportName: 'wide-csv',
    runId: 'wide-csv-1',
    format: 'csv',
    date: '2026-08-21',
    publishedAt: '2026-08-21T03:00:00.000Z',
    parts: [
      [
        csvLine([...CSV_FIELDS, ...WIDE_COLUMNS]),
        csvLine([
          'Wide',
          ...CSV_FIELDS.slice(1).map(() => ''),
          ...WIDE_COLUMNS.map((_, i) => (i % 2 === 0 ? `${i}` : '')),
        ]),
      ],
    ],
    partitions: ['accounts', 'newest', 'run'],
  },
  {
    exportName: 'wide-json',
    runId: 'wide-json-1',
    format: 'json',
    date: '2026-08-21',
    publishedAt: '2026-08-21T04:00:00.000Z',
    parts: [[JSON.stringify({ name: 'Narrow', attributes: { 'It\'s "99"': 'last', other: 'unknown' } })]],
    partitions: ['accounts', 'newest', 'run'],
  },
];

/** Writes the published runs into a folder, as `run` does. */
export async function writeAll(folder: string, runs: readonly HandMadeRun[] = RUNS): Promise<void> {
  const put = async (key: string, body: Uint8Array) => {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), body);
  };
  for (const run of runs.filter(({ partitions }) => partitions.includes('run'))) {
    const place = `export_name=${run.exportName}/export_date=${run.date}/run_id=${run.runId}`;
    const parts: object[] = [];
    for (const [page, lines] of run.parts.entries()) {
      const key = `accounts_${run.format}/${place}/part-0000${page}.${partExtension(run)}`;
      const body = await partOf(run, lines);
      await put(key, body);
      parts.push({ key, page, records: lines.length, bytes: body.length, sha256: '' });
    }
    const manifest = JSON.parse(manifestOf(run)) as object;
    await put(
      `export_runs/run_id=${run.runId}/manifest.json`,
      Buffer.from(`${JSON.stringify({ ...manifest, parts })}\n`),
    );
  }
}

export const ODD_RUNS: readonly HandMadeRun[] = EXPORT_FORMATS.map((format) => ({
  exportName: `odd-${format}`,
  runId: `odd-${format}-1`,
  format,
  date: '2026-08-21',
  publishedAt: '2026-08-21T03:00:00.000Z',
  asSent: [],
  parts: [format === 'csv' ? ODD_NUMBERS_AS_CSV : [...ODD_NUMBERS_AS_JSON, ...ODD_ACCOUNTS_AS_JSON]],
  partitions: ['accounts', 'newest', 'run'],
}));

export const PAGE_COLUMNS = ['tier', 'Region'];

/** A CSV page lacks the columns of attributes that no account on it has. */
export const PAGE_RUN: HandMadeRun = {
  exportName: 'pages',
  runId: 'pages-1',
  format: 'csv',
  date: '2026-08-21',
  publishedAt: '2026-08-21T03:00:00.000Z',
  asSent: PAGE_COLUMNS,
  parts: [
    ['name,totalActions', 'none,1'],
    ['region,other,Name', 'EMEA,x,second attribute'],
    ['name, Tier ,zeta,totalActions', 'first attribute,gold,y,2'],
    ['tier,REGION,name', 'silver,APAC,both'],
  ],
  partitions: ['accounts', 'newest', 'run'],
};

/** Writes parts and manifests into a bucket and registers the partitions in the schema of its name. */
export async function publishAll(
  s3: SmallS3,
  trino: Trino,
  runs: readonly HandMadeRun[] = RUNS,
  bucket = 'exports',
): Promise<void> {
  for (const run of runs) {
    const place = `export_name=${run.exportName}/export_date=${run.date}/run_id=${run.runId}`;
    for (const [page, lines] of run.parts.entries()) {
      const key = `accounts_${run.format}/${place}/part-0000${page}.${partExtension(run)}`;
      s3.put(bucket, key, await partOf(run, lines));
    }
    s3.put(bucket, `export_runs/run_id=${run.runId}/manifest.json`, Buffer.from(manifestOf(run)));
    const values = `ARRAY['${run.exportName}', '${run.date}', '${run.runId}']`;
    const keys = "ARRAY['export_name', 'export_date', 'run_id']";
    const location = `s3://${bucket}/accounts_${run.format}/${place}`;
    const register = (table: string, of: string) =>
      trino.query(`CALL hive.system.register_partition('${bucket}', '${table}', ${of})`);
    if (run.partitions.includes('accounts'))
      await register(`accounts_${run.format}`, `${keys}, ${values}, '${location}'`);
    if (run.partitions.includes('newest')) await register(`newest_${run.format}`, `${keys}, ${values}, '${location}'`);
    if (run.partitions.includes('run')) await register('export_runs', `ARRAY['run_id'], ARRAY['${run.runId}']`);
  }
}

async function partOf({ format, asSent }: HandMadeRun, lines: readonly string[]): Promise<Uint8Array> {
  if (!asSent && format !== 'parquet') return gzipSync(`${lines.join('\n')}\n`);
  const columns = csvTableColumns(asSent ?? []);
  const body = format === 'csv' ? `${lines.join('\n')}\n` : `[${lines.join(',')}]`;
  const csv = { columns, tableColumns: columns.length, finalNewline: true };
  const writer = formatForRun({ runId: 'any', format, csv });
  return (await writer.encode(writer.decode(Buffer.from(body)))).body;
}

const FIELDS: Readonly<Record<string, readonly FieldPresence[]>> = {
  'json-2': [
    { name: 'attributes.industry', present: 1 },
    { name: 'attributes.tier', present: 3 },
    { name: 'name', present: 3 },
  ],
  'json-2-again': [
    { name: 'attributes.industry', present: 1 },
    { name: 'attributes.tier', present: 0 },
    { name: 'name', present: 7 },
  ],
};

function manifestOf({
  exportName,
  runId,
  format,
  date,
  publishedAt,
  parts,
  verdict = 'consistent',
}: HandMadeRun): string {
  return `${JSON.stringify({
    version: 1,
    runId,
    exportName,
    datasetId: 'engage',
    format,
    parameters: { filter: 'Tier 1', start: 1_358_640_000_123, end: 1_360_195_200_000, pageSize: 5 },
    dueAt: `${date}T02:00:00.000Z`,
    startedAt: `${date}T02:00:00.000Z`,
    publishedAt,
    pages: parts.length,
    records: 4,
    distinctAccounts: 3,
    duplicates: 1,
    bytes: 1000,
    parts: [],
    plannedRecords: 4,
    recordsFetched: 50,
    apiRequests: 6,
    retries: 0,
    consistency: {
      verdict,
      accountsBefore: 4,
      accountsAfter: verdict === 'consistent' ? 4 : 5,
      boundariesChecked: 1,
      boundariesMoved: 0,
    },
    unmappedColumns: [],
    escapedLineBreaks: 0,
    // As in manifests of earlier versions, it is missing in others.
    ...(FIELDS[runId] && { fields: FIELDS[runId] }),
  })}\n`;
}
