import { describe, expect, it } from 'vitest';
import { heapOf, minimumMemory } from '../../bench/minimum-memory.ts';

describe('the minimum memory of a page', () => {
  it.each<[number, string, Readonly<Record<number, number | null>>]>([
    [512, 'exactly a quarter above the peak', { 512: 409, 768: 409, 1024: 409 }],
    [768, 'less than a quarter above the peak in smaller settings', { 512: 410, 768: 410, 1024: 410 }],
    [1024, 'out of memory in smaller settings', { 512: null, 768: null, 1024: 819 }],
    [Infinity, 'less than a quarter above the peak in every setting', { 512: null, 768: 700, 1024: 820 }],
  ])('is %d MB: %s', (minimum, _why, peakMb) => {
    const body = { what: 'hard', format: 'csv', bodyMb: 31, peakMb } as const;
    const { minimumMb, finding } = minimumMemory([{ ...body, peakMb: { 512: 100, 768: 100, 1024: 100 } }, body]);
    expect(minimumMb).toBe(minimum);
    expect(finding).toContain(Number.isFinite(minimum) ? `${minimum} MB is the smallest` : '**No setting has that');
    expect(finding.includes('out of memory with 512 MB')).toBe(peakMb[512] === null);
  });

  it('leaves the heap of the hostile-body tests at 1,024 MB', () => {
    expect(heapOf(1024)).toBe(900);
  });
});
