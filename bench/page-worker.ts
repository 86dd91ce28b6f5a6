/**
 * A worker that exports pages in a row, as a container of the function does, or does their floor:
 * `page-worker.ts page|floor json|csv|parquet ordinary|hard ACCOUNTS`. A message is the number of pages; the answer is the
 * CPU time of one, in ms.
 */
import { EXPORT_FORMATS } from '../functions/model/export-format.ts';
import { cpuMs } from './measure.ts';
import { apiOf, benchRun, bodyOf, exportFirstPage, FLOORS } from './pages.ts';

const [subject, name, kind, accounts] = process.argv.slice(2);
const format = EXPORT_FORMATS.find((one) => one === name) ?? 'json';
const body = bodyOf(format, Number(accounts), { hard: kind === 'hard' });
const [api, run] = [apiOf(body), benchRun(format, Number(accounts))];
const work = subject === 'floor' ? () => FLOORS[format](body) : () => exportFirstPage(api, run);

process.on('message', async (pages: number) => {
  const startedAt = cpuMs();
  for (let page = 0; page < pages; page++) await work();
  process.send?.((cpuMs() - startedAt) / pages);
});
process.once('disconnect', () => process.exit());
process.send?.(body.length);
