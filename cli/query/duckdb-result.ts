import { type DuckDBMaterializedResult, type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import { plainValue } from './plain-value.ts';
import type { QueryResult } from './query-result.ts';

/** The result of DuckDB, which holds the rows; they become JSON values a chunk at a time. */
export function duckdbResult(result: DuckDBMaterializedResult, signal: AbortSignal): QueryResult {
  const types = result.columnTypes();
  return {
    columns: result.columnNames().map((name, i) => ({ name, isNumber: isNumber(types[i]) })),
    chunks: (async function* () {
      for await (const rows of result.yieldRows()) {
        signal.throwIfAborted();
        yield rows.map((row) => row.map(plainValue));
      }
    })(),
  };
}

const NUMBERS: readonly DuckDBTypeId[] = [
  ...[DuckDBTypeId.TINYINT, DuckDBTypeId.SMALLINT, DuckDBTypeId.INTEGER, DuckDBTypeId.BIGINT, DuckDBTypeId.HUGEINT],
  ...[DuckDBTypeId.UTINYINT, DuckDBTypeId.USMALLINT, DuckDBTypeId.UINTEGER, DuckDBTypeId.UBIGINT],
  ...[DuckDBTypeId.UHUGEINT, DuckDBTypeId.FLOAT, DuckDBTypeId.DOUBLE, DuckDBTypeId.DECIMAL],
];

function isNumber(type: DuckDBType | undefined): boolean {
  return type !== undefined && NUMBERS.includes(type.typeId);
}
