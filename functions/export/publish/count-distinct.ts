/** Counting different hashes exactly, without a second copy of them. */
import { HASH_BYTES } from '../../model/receipt.ts';

/** Halves of hashes that are counted at a time: the table for them stays in the cache of the processor. */
const HALVES_AT_ONCE = 2 ** 18;

/**
 * How many of the hashes are different. Many are divided in place into groups with the same first byte, so that equal ones
 * stay together: their order changes. SHA-256 spreads them evenly, so that table lookups rarely collide.
 * @param hashes of 64 bits, as pairs of halves: a BigInt would be an object for each of millions of accounts
 */
export function countDistinct(hashes: Uint32Array): number {
  return countIn(hashes, 0, new Uint32Array(tableLength(Math.min(hashes.length, HALVES_AT_ONCE))));
}

/** A power of two, and at least twice as long as the hashes, so that the table never fills up. */
function tableLength(halves: number): number {
  return 2 ** Math.ceil(Math.log2(2 * Math.max(halves, 2)));
}

/** @param byte the first one in which the hashes may differ */
function countIn(hashes: Uint32Array, byte: number, table: Uint32Array): number {
  if (hashes.length <= HALVES_AT_ONCE) return countWithTable(hashes, table);
  if (byte === HASH_BYTES) return 1;
  let [distinct, start] = [0, 0];
  for (const end of divide(hashes, byte)) {
    distinct += countIn(hashes.subarray(start, end), byte + 1, table);
    start = end;
  }
  return distinct;
}

function countWithTable(hashes: Uint32Array, table: Uint32Array): number {
  const last = tableLength(hashes.length) - 2;
  // An empty place is two zeros.
  table.fill(0, 0, last + 2);
  let distinct = 0;
  let zeros = 0;
  for (let i = 0; i < hashes.length; i += 2) {
    const a = hashes[i] as number;
    const b = hashes[i + 1] as number;
    if (a === 0 && b === 0) zeros = 1;
    // The last bits of the second half: groups have equal bytes in the first one.
    for (let at = (b << 1) & last; ; at = (at + 2) & last) {
      const foundA = table[at] as number;
      const foundB = table[at + 1] as number;
      if (foundA === a && foundB === b) break;
      if (foundA !== 0 || foundB !== 0) continue;
      table[at] = a;
      table[at + 1] = b;
      distinct++;
      break;
    }
  }
  return distinct + zeros;
}

/**
 * Moves hashes with an equal byte next to each other ("American flag sort").
 * @returns where each group ends
 */
function divide(hashes: Uint32Array, byte: number): Uint32Array {
  const [half, shift] = [byte >> 2, (byte & 3) * 8];
  const groupOf = (a: number, b: number) => ((half === 0 ? a : b) >>> shift) & 255;
  const ends = new Uint32Array(256);
  for (let at = 0; at < hashes.length; at += 2) {
    const group = groupOf(hashes[at] as number, hashes[at + 1] as number);
    ends[group] = (ends[group] as number) + 2;
  }
  for (let group = 1; group < 256; group++) ends[group] = (ends[group] as number) + (ends[group - 1] as number);
  // Where the next hash of each group goes.
  const next = new Uint32Array(256);
  next.set(ends.subarray(0, 255), 1);
  for (let group = 0; group < 256; group++) {
    for (let at = next[group] as number; at < (ends[group] as number); at += 2) {
      let a = hashes[at] as number;
      let b = hashes[at + 1] as number;
      // Each takes its place in its group; the one that was there is next, until one belongs here.
      for (let other = groupOf(a, b); other !== group; other = groupOf(a, b)) {
        const to = next[other] as number;
        next[other] = to + 2;
        const nextA = hashes[to] as number;
        const nextB = hashes[to + 1] as number;
        hashes[to] = a;
        hashes[to + 1] = b;
        a = nextA;
        b = nextB;
      }
      hashes[at] = a;
      hashes[at + 1] = b;
    }
  }
  return ends;
}
