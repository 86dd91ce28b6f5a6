import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('measures the peak of this process, without memory of its parent', () => {
  const ballast = Buffer.alloc(300_000_000, 1);
  const print = (program: string) =>
    Number(spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: import.meta.dirname }).stdout);
  const load = `const { peakBytes } = await import('${new URL('../../bench/peak-memory.ts', import.meta.url)}');`;
  expect(print(`${load} console.log(peakBytes())`)).toBeLessThan(ballast.length);
  expect(print(`${load} const b = Buffer.alloc(150e6, 1); console.log(peakBytes() + b[0])`)).toBeGreaterThan(150e6);
});
