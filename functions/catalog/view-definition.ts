export interface ViewColumn {
  readonly name: string;
  /** A Trino type. */
  readonly type: string;
  readonly comment: string;
}

export interface ViewDefinition {
  readonly name: string;
  readonly description: string;
  readonly columns: readonly ViewColumn[];
  readonly sql: string;
}
