/** Hashes that tell accounts apart without their names: to count duplicates and to check page boundaries. */
import { hash } from 'node:crypto';
import { HASH_BYTES } from '../../model/receipt.ts';

/**
 * One hash for each account of a page, concatenated in page order, as Base64.
 * The run's id is the salt: hashes of two runs cannot be compared, nor found in a precomputed table.
 */
export function hashAccounts(runId: string, names: readonly string[]): string {
  const hashes = Buffer.alloc(names.length * HASH_BYTES);
  const salt = `${runId}\0`;
  let at = 0;
  for (const name of names) {
    // As text with a character for each byte: a page has thousands of accounts, and a buffer for each takes three times as long.
    const bytes = hash('sha256', salt + name, 'binary');
    for (let i = 0; i < HASH_BYTES; i++) hashes[at++] = bytes.charCodeAt(i);
  }
  return hashes.toString('base64');
}
