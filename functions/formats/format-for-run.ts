import { ExportError } from '../model/errors.ts';
import type { Run } from '../model/run.ts';
import { csvFormat } from './csv.ts';
import { jsonLinesFormat } from './json-lines.ts';
import type { PageFormat } from './page-format.ts';
import { parquetFormat } from './parquet.ts';

/** The format that turns a run's pages into its parts. */
export function formatForRun(run: Pick<Run, 'format' | 'csv'>): PageFormat {
  switch (run.format) {
    case 'json':
      return jsonLinesFormat();
    case 'csv': {
      if (!run.csv) throw new ExportError('RequestError', 'The run is unusable: its plan pinned no CSV columns.');
      const { columns, tableColumns, finalNewline } = run.csv;
      return csvFormat({ columns, tableColumns: columns.slice(0, tableColumns), finalNewline });
    }
    case 'parquet':
      return parquetFormat();
  }
}
