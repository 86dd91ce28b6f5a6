/** A decoded page of the API. */
export interface DecodedPage {
  /** Number of accounts. */
  readonly records: number;
  /** What distinguishes each account, in page order: its `name`, or the whole record where it has none. */
  readonly names: readonly string[];
  /** The keys (JSON, in order of first appearance) or header columns (CSV) of the page. */
  readonly columns: readonly string[];
}

/** An encoded part. */
export interface EncodedPart {
  readonly body: Uint8Array;
  /** CSV: line breaks inside values, written as the two characters `\n`. */
  readonly escapedLineBreaks: number;
  /** Keys or columns that the table does not declare, sorted. The part still contains them. */
  readonly unmappedColumns: readonly string[];
}

/** Decodes the API's pages and encodes parts of one format. */
export interface PageFormat<P extends DecodedPage = DecodedPage> {
  /** @throws ExportError `ApiAnswerError` (transient) for a damaged or unexpected body, `PageTooLargeError` */
  decode(body: Buffer): P;
  encode(page: P): Promise<EncodedPart>;
}
