/** Reads what each tool wrote and undoes the changes that its documentation describes: names, flattening, JSON text. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ATTRIBUTES } from '../../simulator/accounts.ts';
import { type ExactJson, exactJson } from '../../test/support/exact-json.ts';

export interface ReadAccount {
  readonly name: unknown;
  /** Parsed on demand, because counting needs only names. */
  values(): AccountValues;
}

export interface AccountValues {
  readonly fields: Readonly<Record<string, ExactJson>>;
  readonly attributes: Readonly<Record<string, ExactJson>>;
  /** Whether other tables have rows of this account. */
  readonly inOtherTables?: boolean;
}

type Row = Record<string, ExactJson>;

/** The parts of the published run, or of all runs when none is published. */
export function* readAccountExport(folder: string): Generator<ReadAccount> {
  const [published = '**'] = globSync('run_id=*', { cwd: path.join(folder, '../export_runs') });
  for (const line of lines(folder, `**/${published}/*.json.gz`)) {
    yield account(line, () => {
      const { attributes, ...fields } = exactJson(line) as Row;
      return { fields, attributes: (attributes ?? {}) as Row };
    });
  }
}

/** The original keys of dlt's column names, such as `annual_revenue`. */
const DLT_NAMES = new Map(
  [
    ...['engagementScore', 'engagementPercentChange', 'firstActivity', 'lastActivity', 'totalActions'],
    ...['accountStatus', 'healthIndex', ...ATTRIBUTES],
  ].map((name) => [name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), name]),
);

export function* readDlt(folder: string): Generator<ReadAccount> {
  const parents = new Set<string>();
  for (const line of lines(folder, 'accounts__*/*.jsonl{,.gz}')) {
    const { _dlt_parent_id: parent } = JSON.parse(line) as { _dlt_parent_id?: string };
    if (parent !== undefined) parents.add(parent);
  }
  for (const line of lines(folder, 'accounts/*.jsonl{,.gz}')) {
    yield account(line, () => {
      const fields: Row = {};
      let attributes: Row = {};
      const row = exactJson(line) as Row;
      for (const [key, value] of Object.entries(row)) {
        const [first = '', second, third, ...rest] = key.split('__');
        if (first.startsWith('_dlt')) continue;
        if (key === 'attributes') attributes = value as Row;
        else if (first !== 'attributes') fields[DLT_NAMES.get(first) ?? first] = value;
        else if (second !== undefined) {
          const name = DLT_NAMES.get(second) ?? second;
          // Values of another type than their column are in a variant column, such as tags__v_bool.
          const nested = third !== undefined && !third.startsWith('v_');
          attributes[name] = nested ? { [[third, ...rest].join('__')]: value } : value;
        }
      }
      return { fields, attributes, inOtherTables: parents.has(String(row._dlt_id)) };
    });
  }
}

export function* readSinger(folder: string): Generator<ReadAccount> {
  for (const line of lines(folder, '*.jsonl')) {
    yield account(line, () => {
      const { attributes: text, ...row } = exactJson(line) as Row;
      const attributes: Row = typeof text === 'string' ? (exactJson(text) as Row) : {};
      const fields: Row = {};
      for (const [key, value] of Object.entries(row)) {
        if (key.startsWith('attributes_')) attributes[key.slice('attributes_'.length)] = value;
        else fields[key] = value;
      }
      return { fields, attributes };
    });
  }
}

function account(line: string, values: () => AccountValues): ReadAccount {
  return { name: (JSON.parse(line) as { name?: unknown }).name, values };
}

function* lines(folder: string, pattern: string): Generator<string> {
  for (const file of globSync(pattern, { cwd: folder }).toSorted()) {
    const bytes = readFileSync(path.join(folder, file));
    const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
    for (let from = 0; from < text.length; ) {
      const end = text.indexOf('\n', from);
      // The tool was stopped while it wrote this line.
      if (end < 0) return;
      yield text.slice(from, end);
      from = end + 1;
    }
  }
}
