/** Hashes that tell accounts apart without their names: to count duplicates and to check page boundaries. */
import { hash } from 'node:crypto';

/** 64 bits: thirty million accounts collide with a probability of about 2 in 100,000. */
export const HASH_BYTES = 8;

/**
 * One hash for each account of a page, concatenated in page order, as Base64.
 * The run's id is the salt: hashes of two runs cannot be compared, nor found in a precomputed table.
 */
export function hashAccounts(runId: string, names: readonly string[]): string {
  const salt = `${runId}\0`;
  let hashes = '';
  // One-shot hashing to text takes a third of the time of a hash object, and a page has thousands of accounts.
  for (const name of names) hashes += hash('sha256', salt + name, 'hex').slice(0, 2 * HASH_BYTES);
  return Buffer.from(hashes, 'hex').toString('base64');
}

/** How many different accounts are among the hashes of all pages. Needs 8 bytes of memory per account. */
export function countDistinct(hashesOfPages: readonly string[]): number {
  const bytes = hashesOfPages.reduce((sum, hashes) => sum + Buffer.byteLength(hashes, 'base64'), 0);
  const all = new BigUint64Array(bytes / HASH_BYTES);
  const written = Buffer.from(all.buffer);
  let end = 0;
  for (const hashes of hashesOfPages) end += written.write(hashes, end, 'base64');
  all.sort();
  // Compared as two halves: reading a BigInt would allocate an object for each of millions of accounts.
  const halves = new Uint32Array(all.buffer);
  let distinct = 0;
  for (let i = 0; i < halves.length; i += 2) {
    if (i === 0 || halves[i] !== halves[i - 2] || halves[i + 1] !== halves[i - 1]) distinct++;
  }
  return distinct;
}
