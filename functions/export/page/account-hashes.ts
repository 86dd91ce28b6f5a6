/** Hashes that tell accounts apart without their names: to count duplicates and to check page boundaries. */
import { hash } from 'node:crypto';

/** 64 bits: thirty million accounts collide with a probability of about 2 in 100,000. */
export const HASH_BYTES = 8;

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

/** Slices in which hashes are counted: more slices need less memory, and each slice reads all hashes again. */
const SLICES = 8;

/**
 * How many different accounts are among the hashes of all pages. Hashes are spread evenly, so equal ones are sought among
 * an eighth of them at a time.
 * @param hashesOfPages each at a multiple of four bytes in its buffer
 */
export function countDistinct(hashesOfPages: readonly Uint8Array[]): number {
  // As pairs of halves: reading a BigInt would allocate an object for each of millions of accounts.
  const pages = hashesOfPages.map(
    ({ buffer, byteOffset, byteLength }) => new Uint32Array(buffer, byteOffset, byteLength / 4),
  );
  const counts = new Uint32Array(SLICES);
  for (const halves of pages) {
    for (let i = 0; i < halves.length; i += 2) {
      const number = sliceOf(halves[i] as number);
      counts[number] = (counts[number] as number) + 1;
    }
  }
  const slice = new BigUint64Array(Math.max(...counts));
  let distinct = 0;
  for (let number = 0; number < SLICES; number++) distinct += distinctIn(slice, collect(pages, number, slice));
  return distinct;
}

/** @param half of a hash. `%` would take ten times as long */
function sliceOf(half: number): number {
  return half & (SLICES - 1);
}

/** Copies the hashes of one slice. @returns how many they are */
function collect(pages: readonly Uint32Array[], number: number, slice: BigUint64Array): number {
  const found = new Uint32Array(slice.buffer);
  let end = 0;
  for (const halves of pages) {
    for (let i = 0; i < halves.length; i += 2) {
      const half = halves[i] as number;
      if (sliceOf(half) !== number) continue;
      found[end] = half;
      found[end + 1] = halves[i + 1] as number;
      end += 2;
    }
  }
  return end / 2;
}

/** How many of the first hashes are different. Sorts them. */
function distinctIn(slice: BigUint64Array, length: number): number {
  slice.subarray(0, length).sort();
  const halves = new Uint32Array(slice.buffer, 0, length * 2);
  let distinct = 0;
  for (let i = 0; i < halves.length; i += 2) {
    if (i === 0 || halves[i] !== halves[i - 2] || halves[i + 1] !== halves[i - 1]) distinct++;
  }
  return distinct;
}
