/**
 * A run on one machine, as the command line starts it, that kills itself with SIGKILL at an operation of its store.
 *
 *     node killed-process.ts <folder> <api url> <run id> <due> <operation> <before|halfway|after> <file>
 *
 * A run that is not killed writes the rows of its operations to `<file>`.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { faultyStore } from './faulty-store.ts';
import { localRunIn } from './local-world.ts';
import { type Operation, rowOf } from './operations.ts';

const [folder = '', url = '', runId = '', dueAt = '', nth = '', moment = '', file = ''] = process.argv.slice(2);
const rows: string[] = [];
const store = faultyStore(directoryStore(folder), 'page', {
  operations: 0,
  killed: false,
  fault: {
    strike: (operation) => {
      rows.push(rowOf({ ...operation, step: stepOf(operation) }));
      if (operation.nth !== Number(nth)) return undefined;
      return moment === 'halfway' ? 'kill halfway' : moment === 'before' ? 'kill before' : 'kill after';
    },
    kill: () => process.kill(process.pid, 'SIGKILL'),
    // The temporary file of `directoryStore`.
    leaveHalf: async (key, body) => {
      const path = join(folder, key);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(join(dirname(path), `.${process.pid}-0.tmp`), body.subarray(0, body.length / 2));
    },
  },
});
const { outcome } = await localRunIn({ store, url, runId, dueAt });
if (outcome !== 'published') throw new Error(`The run ended ${outcome}.`);
await writeFile(file, JSON.stringify(rows));

/** All steps share one store, so the step follows from the operations. */
function stepOf({ key }: Operation): Operation['step'] {
  if (rows.at(-1)?.startsWith('publish')) return 'publish';
  if (!rows.some((row) => row.endsWith('put plan') || row.startsWith('export page'))) return 'plan';
  // Publishing reads the plan first; pages never do.
  return /plan\.json$/.test(key) ? 'publish' : 'page';
}
