/** AWS Glue failures at each request that makes a run visible. */
import { GlueClient } from '@aws-sdk/client-glue';
import { glueCatalog } from '../../functions/aws/glue-catalog.ts';
import type { PublishedRun } from '../../functions/export/ports.ts';
import { startSmallGlue } from '../support/small-glue.ts';
import type { Case } from './cells.ts';
import type { Strike } from './faulty-store.ts';
import { modesFor, type StoreMode } from './store-cases.ts';
import { injectFault } from './trial.ts';
import { makeWorld, newestRun, REQUEST, RUN, type Source, type VisibleCatalog } from './world.ts';

interface GlueRequest {
  /** `BatchCreatePartition newest_json` */
  readonly name: string;
  /** From 1, since the fault was set. */
  readonly nth: number;
}

/** @returns what happens to a request; nothing if `undefined` */
type GlueFault = (request: GlueRequest) => Strike | undefined;

export async function catalogCases(source: Source, every: boolean): Promise<Case[]> {
  const requests: GlueRequest[] = [];
  const glue = await startFaultyGlue();
  const world = await makeWorld(source, glue.catalog);
  glue.setFault((request) => void requests.push(request));
  await world.run(RUN.runId, REQUEST);
  glue.close();
  return requests.flatMap((request) =>
    modesFor(/^(BatchCreate|Delete)/.test(request.name), every)
      .filter(({ next }) => next !== 'all')
      .map((mode) => ({
        table: 'catalog',
        row: `publish: catalog: ${request.name}`,
        column: mode.name,
        at: `request ${request.nth}`,
        run: () => failAt(source, request, mode),
      })),
  );
}

async function failAt(source: Source, target: GlueRequest, mode: StoreMode): Promise<string> {
  let failed = false;
  const glue = await startFaultyGlue();
  try {
    const world = await makeWorld(source, glue.catalog);
    glue.setFault(({ nth, name }) => {
      failed ||= nth === target.nth;
      const fails = nth === target.nth || (failed && mode.next === 'the same' && name === target.name);
      return fails ? mode.strike : undefined;
    });
    const repair = () => glue.setFault(() => undefined);
    return await injectFault(world, { faults: { killed: glue.killed }, repair });
  } finally {
    glue.close();
  }
}

/** AWS Glue, with a client whose requests can fail before or after their effect. */
async function startFaultyGlue() {
  const glue = await startSmallGlue();
  const client = new GlueClient({
    endpoint: glue.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  let fault: GlueFault = () => undefined;
  let nth = 0;
  const { promise: killed, resolve: kill } = Promise.withResolvers<void>();
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const { TableName } = args.input as { TableName?: string };
      // The check before planning makes no run visible.
      if (context.commandName === 'GetTableCommand') return next(args);
      nth++;
      const strike = fault({ nth, name: `${String(context.commandName).replace(/Command$/, '')} ${TableName}` });
      if (strike === 'fail') throw failure('InternalServiceException', 500);
      if (strike === 'refuse') throw failure('AccessDeniedException', 400);
      if (strike === 'kill before') return die();
      const result = await next(args);
      if (strike === 'kill after') return die();
      if (strike === 'lose answer') throw failure('InternalServiceException', 500);
      return result;
    },
    { step: 'initialize' },
  );
  function die(): Promise<never> {
    kill();
    return new Promise(() => undefined);
  }
  const tables = glueCatalog({ client, database: 'account_export', bucket: 'exports', sleep: async () => undefined });
  const runs = new Map<string, PublishedRun>();
  const catalog: VisibleCatalog = {
    ...tables,
    addRun: (run) => {
      runs.set(run.runId, run);
      return tables.addRun(run);
    },
    // The view chooses the newest published run, then shows what the newest tables have of it, which may be nothing.
    latest: () => {
      const newest = newestRun([...runs.values()].filter(({ runId }) => glue.partitions.has(`export_runs ${runId}`)));
      if (!newest) return undefined;
      const { exportName, exportDate, runId } = newest;
      return glue.partitions.has(`newest_json ${exportName}/${exportDate}/${runId}`) ? runId : undefined;
    },
  };
  return {
    catalog,
    killed,
    setFault: (next: GlueFault) => {
      fault = next;
      nth = 0;
    },
    close: () => {
      client.destroy();
      glue.close();
    },
  };
}

function failure(name: string, httpStatusCode: number): Error {
  return Object.assign(new Error('hidden'), { name, $metadata: { httpStatusCode } });
}
