/**
 * A run on one machine, as the command line runs it, that kills itself with SIGKILL at one operation of its store.
 *
 *     node killed-process.ts <folder> <api url> <run id> <due> <operation> <before|halfway|after> <where to say which>
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { faultyStore } from './faulty-store.ts';
import { localRunIn } from './local-world.ts';
import { columnOf, type Operation, operationName } from './operations.ts';

const [folder = '', url = '', runId = '', dueAt = '', nth = '', when = '', report = ''] = process.argv.slice(2);
const operations: string[] = [];
// The steps are not told apart by the store's port: by what they do, they are.
const store = faultyStore(
  directoryStore(folder),
  'page',
  { total: 0 },
  {
    strike: (operation) => {
      operations.push(nameOf(operation));
      if (operation.nth !== Number(nth)) return undefined;
      mkdirSync(dirname(report), { recursive: true });
      writeFileSync(report, nameOf(operation));
      return when === 'halfway' ? 'kill halfway' : when === 'before' ? 'kill before' : 'kill after';
    },
    kill: () => process.kill(process.pid, 'SIGKILL'),
    // What `directoryStore` writes before it renames.
    leaveHalf: async (key, body) => {
      const path = join(folder, key);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(join(dirname(path), `.${process.pid}-0.tmp`), body.subarray(0, body.length / 2));
    },
  },
);
const outcome = await localRunIn({ store, url, runId, dueAt });
writeFileSync(report, JSON.stringify({ status: outcome.outcome, operations }));

function nameOf(operation: Operation): string {
  const column = columnOf({ ...operation, step: stepOf(operation) });
  return `${column}: ${operationName(operation)}`;
}

function stepOf({ key }: Operation): Operation['step'] {
  const before = operations.at(-1);
  if (before?.startsWith('publish')) return 'publish';
  const planned = operations.some((name) => name.endsWith('put plan') || name.startsWith('export page'));
  if (!planned) return 'plan';
  // Publishing reads the plan first; pages never do.
  return /plan\.json$/.test(key) ? 'publish' : 'page';
}
