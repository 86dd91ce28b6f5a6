import { ExportError } from '../model/errors.ts';
import type { Run } from '../model/run.ts';
import { csvFormat } from './csv.ts';
import { jsonLinesFormat } from './json-lines.ts';
import type { PageFormat } from './page-format.ts';
import { parquetFormat } from './parquet.ts';

/** @throws ExportError `RequestError` for a CSV run without columns */
export function formatForRun(run: Pick<Run, 'runId' | 'format' | 'compression' | 'csv'>): PageFormat {
  switch (run.format) {
    case 'json':
      return jsonLinesFormat(run.compression);
    case 'csv': {
      if (!run.csv) {
        throw new ExportError('RequestError', `Invalid plan of CSV run "${run.runId}" (no columns): start a new run.`);
      }
      const { columns, tableColumns, finalNewline } = run.csv;
      return csvFormat({
        columns,
        tableColumns: columns.slice(0, tableColumns),
        finalNewline,
        compression: run.compression,
      });
    }
    case 'parquet':
      return parquetFormat();
  }
}
