/** The verdict: whether the source held still under a run, with the figures that it rests on. */
import type { Manifest, PageRecord, Run } from '../contracts.ts';
import { formatForRun } from '../formats/format-for-run.ts';
import { HASH_BYTES, hashAccounts } from './account-hashes.ts';
import { askApi, pageQuery } from './ask-api.ts';
import type { PagePorts } from './export-page.ts';
import type { SpentLedger } from './spent-ledger.ts';

/** Each costs a record; a shift of accounts moves every seam behind it, so a few spread evenly find it. */
const MAX_SEAMS = 16;

/**
 * Probes seams: the account at a page's first offset must still be the one that page began with.
 * `steady` only when counts before and after, the records read and every seam agree and no account came twice.
 */
export async function checkConsistency(
  { api }: PagePorts,
  run: Run,
  records: readonly PageRecord[],
  counted: { readonly accountsAfter: number; readonly distinct: number },
  ledger: SpentLedger,
  signal: AbortSignal | undefined,
): Promise<Manifest['consistency']> {
  const { decode } = formatForRun(run);
  const seams = run.countedBy === 'offsets' ? chooseSeams(records) : [];
  const moved = await Promise.all(
    seams.map(async ({ page, accountHashes }) => {
      const { value } = await askApi(api, ledger, pageQuery(run, 1, page * run.parameters.pageSize), decode, signal);
      return hashAccounts(run.runId, value.identities.slice(0, 1)) !== firstHash(accountHashes);
    }),
  );
  const seamsMoved = moved.filter(Boolean).length;
  const read = records.reduce((sum, record) => sum + record.records, 0);
  const steady =
    run.accounts === counted.accountsAfter && read === run.accounts && counted.distinct === read && seamsMoved === 0;
  return {
    verdict: steady ? 'steady' : 'drifted',
    accountsBefore: run.accounts,
    accountsAfter: counted.accountsAfter,
    seamsProbed: seams.length,
    seamsMoved,
  };
}

/** The first account of page 0 and up to fifteen seams, spread evenly, the last one always among them. */
export function chooseSeams(records: readonly PageRecord[]): readonly PageRecord[] {
  const filled = records.filter((record) => record.records > 0);
  if (filled.length <= MAX_SEAMS) return filled;
  return Array.from(
    { length: MAX_SEAMS },
    (_, i) => filled[Math.round((i * (filled.length - 1)) / (MAX_SEAMS - 1))],
  ).filter((record) => record !== undefined);
}

function firstHash(accountHashes: string): string {
  return Buffer.from(accountHashes, 'base64').subarray(0, HASH_BYTES).toString('base64');
}
