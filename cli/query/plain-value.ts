import { DuckDBListValue, DuckDBMapValue, DuckDBStructValue } from '@duckdb/node-api';

/**
 * A DuckDB value as JSON: maps and structs as objects; times, very large numbers, and numbers that JSON lacks as strings.
 */
export function plainValue(value: unknown): unknown {
  if (value instanceof DuckDBMapValue) {
    return Object.fromEntries(value.entries.map(({ key, value: inner }) => [String(key), plainValue(inner)]));
  }
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(Object.entries(value.entries).map(([key, inner]) => [key, plainValue(inner)]));
  }
  if (value instanceof DuckDBListValue) return value.items.map(plainValue);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value;
  return String(value);
}
