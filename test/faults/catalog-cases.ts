/** AWS Glue in trouble, at every request that makes a run visible. */
import { GlueClient } from '@aws-sdk/client-glue';
import { glueCatalog } from '../../functions/aws/glue-catalog.ts';
import type { PublishedRun } from '../../functions/export/ports.ts';
import { startSmallGlue } from '../support/small-glue.ts';
import type { Case } from './cells.ts';
import { modesFor, type StoreMode } from './store-cases.ts';
import { tryFault } from './trial.ts';
import { makeWorld, REQUEST, RUN, type SeenCatalog, type Source } from './world.ts';

interface GlueFault {
  /** `BatchCreatePartition newest_json` */
  readonly name: string;
  readonly nth: number;
}

/** Each request of publishing, in each way that it can go wrong. */
export async function catalogueCases(source: Source, every: boolean): Promise<Case[]> {
  const seen: GlueFault[] = [];
  const glue = await smallGlue((request) => {
    seen.push(request);
    return undefined;
  });
  const world = await makeWorld(source, glue.catalog);
  seen.length = 0;
  glue.countFromHere();
  await world.run(RUN.runId, REQUEST);
  glue.close();
  return seen.flatMap((request) =>
    modesFor(/^(BatchCreate|Delete)/.test(request.name), every)
      .filter(({ next }) => next !== 'all')
      .map((mode) => ({
        table: 'catalog',
        row: `publish: catalog: ${request.name}`,
        column: mode.name,
        at: `request ${request.nth}`,
        run: () => strike(source, request, mode),
      })),
  );
}

async function strike(source: Source, target: GlueFault, mode: StoreMode): Promise<string> {
  let broken = false;
  let armed = false;
  const glue = await smallGlue(({ nth, name }) => {
    if (!armed) return undefined;
    const here = nth === target.nth;
    broken ||= here;
    return here || (broken && mode.next === 'the same' && name === target.name) ? mode.strike : undefined;
  });
  try {
    const world = await makeWorld(source, glue.catalog);
    glue.countFromHere();
    armed = true;
    const killed = glue.killed();
    return await tryFault(world, {
      faults: { store: { strike: () => undefined }, killed },
      repair: () => {
        armed = false;
      },
    });
  } finally {
    glue.close();
  }
}

/** Glue, and a client of it whose requests can fail before or after their effect. */
async function smallGlue(strikeAt: (request: GlueFault) => StoreMode['strike'] | undefined) {
  const glue = await startSmallGlue();
  const client = new GlueClient({
    endpoint: glue.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  let nth = 0;
  let die = (): void => undefined;
  const died = new Promise<void>((resolve) => {
    die = resolve;
  });
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const { TableName } = args.input as { TableName?: string };
      nth++;
      const strike = strikeAt({ nth, name: `${String(context.commandName).replace(/Command$/, '')} ${TableName}` });
      if (strike === 'fail') throw failure('InternalServiceException', 500);
      if (strike === 'refuse') throw failure('AccessDeniedException', 400);
      if (strike === 'kill before') return end();
      const result = await next(args);
      if (strike === 'kill after') return end();
      if (strike === 'lose answer') throw failure('InternalServiceException', 500);
      return result;
    },
    { step: 'initialize' },
  );
  function end(): Promise<never> {
    die();
    return new Promise(() => undefined);
  }
  const glueTables = glueCatalog({
    client,
    database: 'account_export',
    bucket: 'exports',
    sleep: async () => undefined,
  });
  const runs = new Map<string, PublishedRun>();
  const catalog: SeenCatalog = {
    ...glueTables,
    addRun: (run) => {
      runs.set(run.runId, run);
      return glueTables.addRun(run);
    },
    latest: () => latestIn(glue.partitions, runs),
  };
  return {
    catalog,
    countFromHere: () => {
      nth = 0;
    },
    killed: () => died,
    close: () => {
      client.destroy();
      glue.close();
    },
  };
}

function failure(name: string, httpStatusCode: number): Error {
  return Object.assign(new Error('hidden'), { name, $metadata: { httpStatusCode } });
}

/**
 * As the view has it: the newest of all published runs is chosen first, and shows what the newest tables have of it, which
 * may be nothing.
 */
function latestIn(
  partitions: Awaited<ReturnType<typeof startSmallGlue>>['partitions'],
  runs: ReadonlyMap<string, PublishedRun>,
): string | undefined {
  const rank = ({ exportDate, publishedAt }: PublishedRun) => `${exportDate} ${publishedAt}`;
  const [newest] = [...runs.values()]
    .filter(({ runId }) => partitions.has(`export_runs ${runId}`))
    .sort((a, b) => (rank(a) < rank(b) ? 1 : -1));
  if (!newest) return undefined;
  const { exportName, exportDate, runId } = newest;
  return partitions.has(`newest_json ${exportName}/${exportDate}/${runId}`) ? runId : undefined;
}
