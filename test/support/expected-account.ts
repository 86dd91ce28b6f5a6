/** The rows of views over simulated accounts, derived from the API responses without the code under test. */
import { expect } from 'vitest';
import type { Tenant } from '../../simulator/tenant.ts';
import { type ExactJson, exactJson, isNested } from './exact-json.ts';

export interface ExpectedAccount {
  readonly name: string | null;
  readonly engagement_score: number | null;
  readonly engagement_percent_change: number | null;
  readonly first_activity: string | null;
  readonly last_activity: string | null;
  readonly total_actions: number | null;
  readonly account_status: string | null;
  readonly attributes: Readonly<Record<string, string | null>>;
}

/** Fails unless `rows` contains each account of the tenant once, with the expected values. */
export function expectAllAccounts(
  rows: readonly Record<string, unknown>[],
  tenant: Tenant,
  expected: (index: number) => ExpectedAccount,
): void {
  expect(rows).toHaveLength(tenant.total);
  const byName = new Map(rows.map((row) => [row.name, withWholeTimes(row)]));
  expect(byName.size).toBe(tenant.total);
  for (let i = 0; i < tenant.total; i++) {
    const want = expected(i);
    const row = byName.get(want.name);
    // toEqual is slow, so it only reports differences.
    if (JSON.stringify(sorted(row)) !== JSON.stringify(sorted(want))) expect(row).toEqual(want);
  }
}

/** DuckDB drops trailing zeros of fractional seconds. */
function withWholeTimes(row: Record<string, unknown>): Record<string, unknown> {
  const whole = { ...row };
  for (const column of ['first_activity', 'last_activity']) {
    const time = row[column];
    if (typeof time === 'string')
      whole[column] = new Date(`${time.replace(' ', 'T')}Z`).toISOString().replace('T', ' ').replace('Z', '');
  }
  return whole;
}

function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** For JSON and Parquet: all attributes, nested ones as JSON text. */
export function expectedFromJson(tenant: Tenant, index: number): ExpectedAccount {
  const sent = exactJson(tenant.json(index) ?? '') as Record<string, ExactJson>;
  const raw = JSON.parse(tenant.json(index) ?? '') as { attributes: Record<string, unknown> };
  const attributes = Object.entries(sent.attributes as Record<string, ExactJson>).map(([key, value]) => [
    key,
    isNested(value) ? rawTextOf(tenant, index, key, raw.attributes[key]) : textOf(value),
  ]);
  return {
    name: textOf(sent.name),
    engagement_score: numberOf(sent.engagementScore),
    engagement_percent_change: numberOf(sent.engagementPercentChange),
    first_activity: timeOf(numberOf(sent.firstActivity)),
    last_activity: timeOf(numberOf(sent.lastActivity)),
    total_actions: numberOf(sent.totalActions),
    account_status: textOf(sent.accountStatus),
    attributes: Object.fromEntries(attributes),
  };
}

/** For CSV: empty values are missing, and line breaks are `\n`. */
export function expectedFromCsv(tenant: Tenant, index: number, attributeColumns: readonly string[]): ExpectedAccount {
  const cells = tenant.csvCells(index) ?? new Map<string, string>();
  const cell = (column: string) => (cells.get(column) ?? '').replaceAll(/\r\n|\n|\r/g, '\\n');
  const number = (column: string) => (cell(column) === '' ? null : Number(cell(column)));
  return {
    name: cell('name'),
    engagement_score: number('engagementScore'),
    engagement_percent_change: number('engagementPercentChange'),
    first_activity: timeOf(number('firstActivity')),
    last_activity: timeOf(number('lastActivity')),
    total_actions: number('totalActions'),
    account_status: cell('accountStatus') === '' ? null : cell('accountStatus'),
    attributes: Object.fromEntries(attributeColumns.map((key) => [key, cell(key)]).filter(([, value]) => value !== '')),
  };
}

/** A nested value as sent. */
function rawTextOf(tenant: Tenant, index: number, key: string, value: unknown): string {
  const sent = tenant.json(index) ?? '';
  const at = sent.indexOf(`"${key}":`) + key.length + 3;
  for (let end = at + 1; end <= sent.length; end++) {
    try {
      if (JSON.stringify(JSON.parse(sent.slice(at, end))) === JSON.stringify(value)) return sent.slice(at, end);
    } catch {
      // Not the whole value yet.
    }
  }
  throw new Error(`No ${key} in account ${index}`);
}

function textOf(value: ExactJson | undefined): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'object' ? String((value as { digits: string }).digits) : String(value);
}

function numberOf(value: ExactJson | undefined): number | null {
  const text = textOf(value);
  return text === null ? null : Number(text);
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
}
