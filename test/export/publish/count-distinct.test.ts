import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countDistinct } from '../../../functions/export/publish/count-distinct.ts';

/** Hashes as they are in memory. */
function hashesOf(...hex: string[]): Uint32Array {
  return new Uint32Array(Uint8Array.from(Buffer.from(hex.join(''), 'hex')).buffer);
}

/** `count` numbers that are spread like hashes, unsorted. */
function spread(count: number): BigUint64Array {
  return BigUint64Array.from({ length: count }, (_, i) => BigInt(i + 1) * 0x9e37_79b9_7f4a_7c15n);
}

const halvesOf = (hashes: BigUint64Array) => new Uint32Array(hashes.buffer);

describe('countDistinct', () => {
  it('of no hashes is 0', () => {
    expect(countDistinct(new Uint32Array(0))).toBe(0);
  });

  it('finds hashes different if only their first or only their last bytes differ', () => {
    expect(countDistinct(hashesOf('0000000000000001', '0000000000000002'))).toBe(2);
    expect(countDistinct(hashesOf('0000000000000001', '0000000100000001'))).toBe(2);
    expect(countDistinct(hashesOf('0000000100000001', '0000000100000001'))).toBe(1);
  });

  it('counts a hash of zeros once', () => {
    expect(countDistinct(hashesOf('0000000000000000', '0000000000000001', '0000000000000000'))).toBe(2);
  });

  it('is the size of the set of them', () => {
    // Few values, and those of one half equal to those of the other, so that many collide in the table.
    const half = fc.constantFrom(0, 1, 2, 2 ** 31, 2 ** 32 - 1, 2 ** 17);
    fc.assert(
      fc.property(fc.array(fc.tuple(half, half), { maxLength: 200 }), (pairs) => {
        expect(countDistinct(Uint32Array.from(pairs.flat()))).toBe(new Set(pairs.map(String)).size);
      }),
    );
  });

  // More than fit into the table, so that they are divided: once, or up to the last byte.
  it.each([
    ['spread evenly', (hash: bigint) => hash],
    ['with an equal first half', (hash: bigint) => hash & ~0xffff_ffffn],
    ['that differ in the last byte only', (hash: bigint) => hash & (0xffn << 56n)],
    ['that are all equal', () => 7n],
  ] as const)('finds duplicates among 300,000 hashes %s', (_, change) => {
    const hashes = spread(300_000).map(change);
    hashes.set(hashes.subarray(0, 1000), 299_000);
    const distinct = new Set(hashes).size;
    expect(countDistinct(halvesOf(hashes))).toBe(distinct);
  });
});
