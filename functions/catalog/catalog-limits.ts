/** What Athena and Glue do not accept, found at synth: a deployment would succeed or fail late, and queries would fail. */

import { prestoViewText } from './presto-view.ts';
import { viewDefinitions } from './views.ts';

/** Not adjustable. Source: Athena user guide, "Service Quotas", Query string length. */
export const MAX_QUERY_BYTES = 262_144;
/** Source: Glue API reference, "TableInput", `ViewOriginalText`. */
export const MAX_VIEW_TEXT = 409_600;

/** As long as a database name may be. */
const ANY_DATABASE = 'd'.repeat(63);

/**
 * The first problem with the views of these attributes, such as `view accounts_latest would have 300000 bytes (maximum 262144
 * in Athena)`; `undefined` if there is none. Parameters as of `viewDefinitions`.
 */
export function viewProblem(
  attributeColumns: readonly string[],
  attributeNames: readonly string[],
): string | undefined {
  for (const view of viewDefinitions(attributeColumns, attributeNames)) {
    const bytes = Buffer.byteLength(view.sql);
    if (bytes > MAX_QUERY_BYTES)
      return `view ${view.name} would have ${bytes} bytes (maximum ${MAX_QUERY_BYTES} in Athena)`;
    const characters = prestoViewText(view, ANY_DATABASE).length;
    if (characters > MAX_VIEW_TEXT)
      return `the definition of view ${view.name} would have ${characters} characters (maximum ${MAX_VIEW_TEXT} in Glue)`;
  }
  return undefined;
}
