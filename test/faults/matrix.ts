/** `npm run faults`: tries every fault at every step and writes what happened into `docs/reliability.md`. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { document, summarize, summaryLine } from './document.ts';
import { KNOWN_DEFECTS, knownDefect } from './known-defects.ts';
import { runMatrix } from './run-matrix.ts';

const PAGE = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url));
const BEGIN = '<!-- made by npm run faults: begin -->';
const END = '<!-- made by npm run faults: end -->';

let tried = 0;
const startedAt = Date.now();
const results = await runMatrix(true, ({ table, row, column, at, broken }) => {
  if (++tried % 50 === 0 && process.stderr.isTTY) process.stderr.write(`${tried} cases\r`);
  if (broken !== undefined) console.error(`${table} | ${row} | ${column} | ${at ?? ''}: ${broken}`);
});
const text = await readFile(PAGE, 'utf8');
const [before, after] = [text.indexOf(BEGIN), text.indexOf(END)];
if (before < 0 || after < before) throw new Error(`${PAGE} has lost the marks between which the matrix goes`);
await writeFile(PAGE, `${text.slice(0, before)}${BEGIN}\n\n${document(results)}\n\n${text.slice(after)}`);

const summary = summarize(results);
console.log(`${summaryLine(summary)}, in ${Math.round((Date.now() - startedAt) / 1000)} s`);
for (const { id, is } of KNOWN_DEFECTS) {
  if (!results.some((result) => knownDefect(result) && is(result))) console.log(`not seen any more: ${id}`);
}
// The workflow on one machine leaves timers behind, a minute long each.
process.exit(summary.broken === 0 ? 0 : 1);
