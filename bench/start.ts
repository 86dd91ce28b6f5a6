/** How long commands and Lambda functions take to start. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundleFunctions, functionEntries } from '../tools/build/bundling.ts';
import { CLI, KEY } from './peers/tools.ts';
import { inFolder } from './processes.ts';
import { other, own, quoted, type Section, type Spread, spreadOf } from './section.ts';

/** The environment of a command and of a deployed function. Loading uses no credentials. */
const ENVIRONMENT = {
  ...KEY,
  AWS_REGION: 'us-east-1',
  BUCKET: 'bucket',
  DATABASE: 'database',
  API_URL: 'https://acme.us-5.evergage.com',
  SECRET_ID: 'secret',
  RETENTION_DAYS: '400',
  POWERTOOLS_TRACER_CAPTURE_RESPONSE: 'false',
};

interface StartRow {
  readonly what: string;
  readonly ms: Spread;
  /** Of bundles: compressed, without the source map. */
  readonly gzipKb?: number;
}

const [HELP, REQUEST] = ['`--help`', '`run`, until its first request'];
const [EMPTY, FETCH] = ['Node.js, empty module', 'Node.js, until one `fetch`'];
const COMMANDS = [EMPTY, HELP, FETCH, REQUEST];

export const section: Section<StartRow> = {
  question: 'How long until it starts?',

  measure: (quick) =>
    inFolder(async (folder) => {
      const empty = join(folder, 'empty.mjs');
      await writeFile(empty, '');
      await bundleFunctions(join(folder, 'functions'));
      const bundles = new Map(
        (await functionEntries()).map((name) => [name, join(folder, 'functions', name, 'index.mjs')]),
      );
      // Ends without waiting for what the module started.
      const load = (file: string) => timeOf(['--enable-source-maps', '--import', file, '--eval', 'process.exit()']);
      const run = (url: string) => [...CLI, 'run', '--api-url', url, '--dataset', 'engage', '--out', folder];
      const subjects = new Map<string, () => Promise<number>>([
        [EMPTY, () => load(empty)],
        [HELP, () => timeOf([...CLI, '--help'])],
        [FETCH, () => timeUntilRequest((url) => ['--eval', `fetch('${url}')`])],
        [REQUEST, () => timeUntilRequest(run)],
        ...[...bundles].map(([name, file]) => [name, () => load(file)] as const),
      ]);
      const times = new Map([...subjects.keys()].map((what) => [what, [] as number[]]));
      // Round -1 fills the caches of the disk and of compiled code.
      for (let round = -1; round < (quick ? 1 : 15); round++) {
        for (const [what, measure] of subjects) {
          const ms = await measure();
          if (round >= 0) times.get(what)?.push(ms);
        }
      }
      const rows = [...times].map(async ([what, ms]) => {
        const file = bundles.get(what);
        const size = file ? { gzipKb: gzipSync(await readFile(file)).length / 1000 } : {};
        return { what, ms: spreadOf(ms), ...size };
      });
      return Promise.all(rows);
    }),

  describe(rows) {
    const ms = (what: string) => rows.find((row) => row.what === what)?.ms[0] ?? Number.NaN;
    const loads = rows.filter(({ gzipKb }) => gzipKb !== undefined).map((row) => row.ms[0] - ms(EMPTY));
    const bars = (isShown: (row: StartRow) => boolean) =>
      rows.filter(isShown).map((row) => {
        return ([EMPTY, FETCH].includes(row.what) ? other : own)(row.what, row.ms[0], `${quoted(row.ms, 0)} ms`);
      });
    return {
      answer: `\`--help\` takes ${ms(HELP).toFixed(0)} ms, of which Node.js takes ${ms(EMPTY).toFixed(0)} ms, and \`run\` sends its first request after ${ms(REQUEST).toFixed(0)} ms. A Lambda function loads its bundle in ${Math.min(...loads).toFixed(0)} to ${Math.max(...loads).toFixed(0)} ms, once per container.`,
      about:
        'New processes in turn, from their start, with the caches of the disk and of compiled code filled. The bundles of the Lambda functions are imported with the environment of the function. The floor is Node.js with an empty module, or with one `fetch`.',
      chart: [
        { title: 'commands', bars: bars(({ what }) => COMMANDS.includes(what)) },
        {
          title: 'bundles of the Lambda functions',
          bars: bars(({ what }) => what === EMPTY || !COMMANDS.includes(what)),
        },
      ],
      limits: [
        [HELP, ms(HELP), 250, 'ms'],
        [REQUEST, ms(REQUEST), 400, 'ms'],
      ],
    };
  },
};

/** The time of a Node.js process from start to exit, in ms. */
async function timeOf(args: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, { env: { ...process.env, ...ENVIRONMENT }, stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`node ${args.join(' ')} exited with code ${code}.`);
  return performance.now() - startedAt;
}

/** The time until a Node.js process sends its first request, in ms. It is refused, and the process ends. */
async function timeUntilRequest(argsOf: (url: string) => readonly string[]): Promise<number> {
  const server = createServer((_request, response) => response.writeHead(403).end());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const startedAt = performance.now();
  let ms = Number.NaN;
  server.once('request', () => {
    ms = performance.now() - startedAt;
  });
  const args = argsOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(spawn(process.execPath, args, { env: { ...process.env, ...ENVIRONMENT }, stdio: 'ignore' }), 'exit');
  server.close().closeAllConnections();
  if (Number.isNaN(ms)) throw new Error(`node ${args.join(' ')} sent no request.`);
  return ms;
}
