import { describe, expect, it } from 'vitest';
import { heapOf, leastMemory } from '../../bench/least-memory.ts';

const BODY = Buffer.from('[]');
const BODIES = { json: BODY, csv: BODY, parquet: BODY };

describe('the least memory of a page', () => {
  it.each<[number, string, Readonly<Record<number, number | null>>]>([
    [512, 'a quarter more than its peak', { 512: 409, 768: 409, 1024: 409 }],
    [768, 'its peak, but not a quarter more', { 512: 410, 768: 410, 1024: 410 }],
    [1024, 'no end where there is less', { 512: null, 768: null, 1024: 819 }],
    [Infinity, 'too little to spare in any', { 512: null, 768: 700, 1024: 820 }],
  ])('is %d MB with %s', async (least, _why, peaks) => {
    // One body alone is as hard as that.
    const found = await leastMemory(BODIES, async (format, body, heapMb) =>
      format === 'csv' && body !== BODY ? (peaks[heapMb + 124] ?? null) : 100,
    );
    expect(found.leastMb).toBe(least);
    expect(found.finding).toContain(Number.isFinite(least) ? `${least} MB is the least` : '**None of these has it**.');
    expect(found.finding.includes('runs out with 512 MB')).toBe(peaks[512] === null);
    expect(found.table.rows.every((row) => row.length === found.table.head.length)).toBe(true);
  });

  it('leaves to the heap of 1,024 MB what the tests of hostile bodies have', () => {
    expect(heapOf(1024)).toBe(900);
  });
});
