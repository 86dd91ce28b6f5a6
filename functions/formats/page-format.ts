import type { ExportFormat } from '../model/export-settings.ts';

/** One page of the API, understood. */
export interface DecodedPage {
  /** How many accounts it holds. */
  readonly records: number;
  /** What tells each account from others, in page order: its `name`, or the record's whole text where it has none. */
  readonly identities: readonly string[];
  /** The keys (JSON, in order of first sight) or the header's columns (CSV) that the page came with. */
  readonly columns: readonly string[];
}

/** One part, ready to be stored. */
export interface EncodedPart {
  readonly body: Uint8Array;
  /** CSV: line breaks inside values that were written as the two characters `\n`. */
  readonly escapedLineBreaks: number;
  /** Keys or columns that the table does not declare, sorted; nothing of them is lost. */
  readonly unmappedColumns: readonly string[];
}

/** How one format reads the API's pages and writes parts. */
export interface PageFormat<P extends DecodedPage = DecodedPage> {
  readonly format: ExportFormat;
  /** Which endpoint the pages come from. */
  readonly endpoint: 'json' | 'csv';
  readonly contentType: string;
  /** @throws ApiAnswerError (transient) when the body is broken or is not what was asked for */
  decode(body: Buffer): P;
  encode(page: P): Promise<EncodedPart>;
}
