/** One request to the API. Without `pageSize` the API would answer with everything, so both numbers are required. */
export interface PageQuery {
  readonly datasetId: string;
  /** Which endpoint: `accounts.json` or `accounts.csv`. Parquet is made from JSON. */
  readonly endpoint: 'json' | 'csv';
  /** Segment name or id. */
  readonly filter?: string | undefined;
  /** Epoch ms; the window of the engagement statistics, it does not filter accounts. */
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  readonly segmentationId?: string | undefined;
  readonly segmentId?: string | undefined;
  readonly pageSize: number;
  /** From 0. */
  readonly page: number;
}
