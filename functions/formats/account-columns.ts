/**
 * The fields of an account as the Account Export API documents them, in the order of the Glue tables.
 *
 * What is specific to accounts (path, key, columns) stays here and in the API client, ready for the sibling `users`.
 */

/** The field that names an account: the key that duplicates are found by. */
export const ACCOUNT_KEY = 'name';

export type FieldKind = 'text' | 'decimal' | 'integer' | 'epochMs' | 'textMap';

export interface AccountField {
  /** As the API spells it, in JSON and in CSV headers. */
  readonly name: string;
  readonly kind: FieldKind;
  readonly comment: string;
}

export const ACCOUNT_FIELDS: readonly AccountField[] = [
  { name: 'name', kind: 'text', comment: 'The account, as Personalization names it' },
  { name: 'engagementScore', kind: 'decimal', comment: 'Engagement score within the statistics window' },
  { name: 'engagementPercentChange', kind: 'decimal', comment: 'Change of the engagement score, as a fraction' },
  { name: 'firstActivity', kind: 'epochMs', comment: 'First activity seen, epoch milliseconds' },
  { name: 'lastActivity', kind: 'epochMs', comment: 'Last activity seen, epoch milliseconds' },
  { name: 'totalActions', kind: 'integer', comment: 'Actions seen in all' },
  { name: 'accountStatus', kind: 'text', comment: 'Status of the account' },
  { name: 'attributes', kind: 'textMap', comment: 'Attributes of the tenant; nested values as JSON text' },
  { name: 'segmentJoined', kind: 'epochMs', comment: 'Segment exports: when the account joined, epoch milliseconds' },
  { name: 'segmentInputValues', kind: 'textMap', comment: 'Segment exports: the values that made it join' },
];
