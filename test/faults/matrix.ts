/** `npm run faults`: injects every fault at every step and writes the results to `docs/reliability-matrix.md`. */
import { readFile, writeFile } from 'node:fs/promises';
import { summaryOf, withResults } from './document.ts';
import { runMatrix } from './run-matrix.ts';

const PAGE = new URL('../../docs/reliability-matrix.md', import.meta.url);

let cases = 0;
const startedAt = Date.now();
const results = await runMatrix(true, ({ table, row, column, at, broken }) => {
  if (++cases % 50 === 0 && process.stderr.isTTY) process.stderr.write(`${cases} cases\r`);
  if (broken !== undefined) console.error(`${table} | ${row} | ${column} | ${at ?? ''}: ${broken}`);
});
await writeFile(PAGE, withResults(await readFile(PAGE, 'utf8'), results));

console.log(`${summaryOf(results)}, in ${Math.round((Date.now() - startedAt) / 1000)} s`);
// The local workflow leaves timers of one minute each.
process.exit(results.some(({ broken }) => broken !== undefined) ? 1 : 0);
