/**
 * The fields of an account as the Account Export API documents them, in the order of the Glue tables.
 * What is specific to accounts stays here and in the API client, so that `users` can be added later.
 */

/** The field that identifies an account: duplicates are found by it. */
export const ACCOUNT_KEY = 'name';

/** `textMap`: an object whose values become text, `map<string,string>` in Glue. */
export type FieldKind = 'text' | 'double' | 'integer' | 'epochMs' | 'textMap';

export interface AccountField {
  /** The API's spelling, in JSON and in CSV headers. */
  readonly name: string;
  readonly kind: FieldKind;
  readonly comment: string;
}

export const ACCOUNT_FIELDS: readonly AccountField[] = [
  { name: 'name', kind: 'text', comment: 'Account name' },
  { name: 'engagementScore', kind: 'double', comment: 'Engagement score within the statistics window' },
  { name: 'engagementPercentChange', kind: 'double', comment: 'Change of the engagement score, as a fraction' },
  { name: 'firstActivity', kind: 'epochMs', comment: 'First activity, epoch milliseconds' },
  { name: 'lastActivity', kind: 'epochMs', comment: 'Last activity, epoch milliseconds' },
  { name: 'totalActions', kind: 'integer', comment: 'Total number of actions' },
  { name: 'accountStatus', kind: 'text', comment: 'Account status' },
  { name: 'attributes', kind: 'textMap', comment: 'Custom attributes; nested values as JSON text' },
  { name: 'segmentJoined', kind: 'epochMs', comment: 'Segment exports: when the account joined, epoch milliseconds' },
  { name: 'segmentInputValues', kind: 'textMap', comment: 'Segment exports: the values that made it join' },
];

const BY_LOWER_CASE = new Map(ACCOUNT_FIELDS.map((field) => [field.name.toLowerCase(), field]));

/** The field that a JSON key or a CSV column names, ignoring case and surrounding whitespace. */
export function fieldOf(key: string): AccountField | undefined {
  return BY_LOWER_CASE.get(key.trim().toLowerCase());
}
