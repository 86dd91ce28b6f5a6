/** What is deployed: how large each function's bundle is, what is in it, and how long it takes to load. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { bundle } from './bundle.ts';
import type { Benchmark, Spread } from './section.ts';
import { quoteSpread, spreadOf } from './spread.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
/** What the stack tells its functions, and what Lambda tells all. No credential is used while loading. */
const ENVIRONMENT = {
  AWS_REGION: 'us-east-1',
  BUCKET: 'bucket',
  DATABASE: 'database',
  API_URL: 'https://acme.us-5.evergage.com',
  SECRET_ID: 'secret',
  RETENTION_DAYS: '400',
  POWERTOOLS_TRACER_CAPTURE_RESPONSE: 'false',
  NODE_OPTIONS: '--enable-source-maps',
};
const HEAVIEST = 8;

/** Prints the milliseconds that a module takes to load, and ends at once: what it started is not waited for. */
const LOADER = `
const startedAt = performance.now();
const cpu = process.cpuUsage();
await import(process.argv[2]);
const { user, system } = process.cpuUsage(cpu);
process.stdout.write(JSON.stringify({ ms: performance.now() - startedAt, cpuMs: (user + system) / 1000 }), () => process.exit(0));
`;

interface DeployedFunction {
  /** The entry file in `functions/`, without its ending. */
  readonly entry: string;
  readonly file: string;
}

interface Loaded {
  readonly ms: number;
  readonly cpuMs: number;
}

interface BundleFigures {
  readonly entry: string;
  readonly bytes: number;
  /** Of the code alone, about as the asset has it: the source map is packed beside it, and sent, too. */
  readonly zippedBytes: number;
  readonly sourceMapBytes: number;
  readonly loadMs: Spread;
  readonly loadCpuMs: Spread;
}

export const benchmark: Benchmark = async ({ quick }) => {
  const folder = await mkdtemp(join(tmpdir(), 'account-export-bench-'));
  try {
    const functions = await synthesize(folder);
    const empty = join(folder, 'empty.mjs');
    await writeFile(empty, '');
    const loaded = await loadInTurn(folder, [{ entry: 'empty', file: empty }, ...functions], quick ? 3 : 15);
    const figures = await Promise.all(functions.map((one) => figuresOf(one, loaded.get(one.entry) ?? [])));
    const emptyMs = spreadOf((loaded.get('empty') ?? []).map(({ ms }) => ms));
    const packages = await packagesOf(functions, folder);
    const page = figures.find(({ entry }) => entry === 'export-page');
    return {
      title: 'Bundles',
      about: [
        'The bundles of a synthesized stack, as `cdk deploy` would send them, each with its source map: *gzip* is of the',
        'bundle alone, so not all that is sent. Loading is the import of a bundle by a fresh Node process with the function’s',
        `environment, in turn with all others and with an empty module, which takes ${quoteSpread(emptyMs, 1)} ms. On Lambda a`,
        'container loads it once.',
      ].join('\n'),
      tables: [
        {
          head: ['function', 'bundle', 'gzip', 'source map', 'load, ms', 'load, ms of CPU'],
          align: 'lrrrrr',
          rows: figures.map(({ entry, bytes, zippedBytes, sourceMapBytes, loadMs, loadCpuMs }) => [
            entry,
            kb(bytes),
            kb(zippedBytes),
            kb(sourceMapBytes),
            quoteSpread(loadMs, 0),
            quoteSpread(loadCpuMs, 0),
          ]),
        },
        {
          head: ['package', ...functions.map(({ entry }) => entry)],
          align: `l${'r'.repeat(functions.length)}`,
          rows: packages.map(({ name, bytes }) => [name, ...functions.map(({ entry }) => kb(bytes[entry] ?? 0))]),
        },
      ],
      findings: [
        heaviestOf('export-page', page?.bytes ?? 0, packages),
        `*Export page*, of which there is a container for each page in flight, takes ${page?.loadCpuMs.median.toFixed(0)} ms of CPU to load: once for some fifty pages of a run of a million accounts.`,
      ],
      figures: { emptyLoadMs: emptyMs, functions: figures, packages },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Synthesises the stack as it is configured, and finds the bundles. */
async function synthesize(folder: string): Promise<DeployedFunction[]> {
  const { context } = JSON.parse(await readFile(join(ROOT, 'cdk.json'), 'utf8')) as { context: object };
  await promisify(execFile)(process.execPath, ['infra/app.ts'], {
    cwd: ROOT,
    env: { ...process.env, CDK_OUTDIR: folder, CDK_CONTEXT_JSON: JSON.stringify(context) },
  });
  const template = JSON.parse(await readFile(join(folder, 'AccountExport.template.json'), 'utf8')) as {
    Resources: Record<string, { Type: string; Properties: { Handler?: string; Code?: { S3Key?: string } } }>;
  };
  return Object.entries(template.Resources).flatMap(([id, { Type, Properties }]) => {
    const asset = Properties.Code?.S3Key?.replace('.zip', '');
    if (Type !== 'AWS::Lambda::Function' || Properties.Handler !== 'index.handler' || asset === undefined) return [];
    const entry = id.replace(/Function[0-9A-F]{8}$/, '').replaceAll(/(?<!^)[A-Z]/g, '-$&');
    return [{ entry: entry.toLowerCase(), file: join(folder, `asset.${asset}`, 'index.mjs') }];
  });
}

async function loadInTurn(
  folder: string,
  modules: readonly DeployedFunction[],
  rounds: number,
): Promise<ReadonlyMap<string, readonly Loaded[]>> {
  const loader = join(folder, 'load.mjs');
  await writeFile(loader, LOADER);
  const loaded = new Map(modules.map(({ entry }) => [entry, [] as Loaded[]]));
  // The first round reads the files from the disk, and is not counted.
  for (let round = -1; round < rounds; round++) {
    for (const { entry, file } of modules) {
      const { stdout } = await promisify(execFile)(process.execPath, [loader, file], { env: ENVIRONMENT });
      if (round >= 0) loaded.get(entry)?.push(JSON.parse(stdout) as Loaded);
    }
  }
  return loaded;
}

async function figuresOf({ entry, file }: DeployedFunction, loaded: readonly Loaded[]): Promise<BundleFigures> {
  const code = await readFile(file);
  return {
    entry,
    bytes: code.length,
    zippedBytes: gzipSync(code).length,
    sourceMapBytes: (await stat(`${file}.map`)).size,
    loadMs: spreadOf(loaded.map(({ ms }) => ms)),
    loadCpuMs: spreadOf(loaded.map(({ cpuMs }) => cpuMs)),
  };
}

/** The heaviest packages of all functions together, and this project, by function. */
async function packagesOf(functions: readonly DeployedFunction[], folder: string) {
  const bytes = new Map<string, Record<string, number>>();
  for (const { entry } of functions) {
    for (const [name, count] of await bundle(`functions/${entry}.ts`, join(folder, 'weighed.mjs'))) {
      bytes.set(name, { ...bytes.get(name), [entry]: count });
    }
  }
  const total = (of: Record<string, number>) => Object.values(of).reduce((sum, count) => sum + count, 0);
  const { '': own = {}, ...others } = Object.fromEntries(bytes);
  const heaviest = Object.entries(others).sort(([, a], [, b]) => total(b) - total(a));
  return [['this project', own] as const, ...heaviest.slice(0, HEAVIEST)].map(([name, of]) => ({ name, bytes: of }));
}

/** `Of export-page, undici is 37 % and zod 23 %; the project's own code is 3 %.` */
function heaviestOf(
  entry: string,
  bytes: number,
  packages: readonly { readonly name: string; readonly bytes: Readonly<Record<string, number>> }[],
): string {
  const [own, first, second] = packages.map(({ name, bytes: of }) => ({ name, bytes: of[entry] ?? 0 }));
  const share = (count = 0) => `${((100 * count) / bytes).toFixed(0)} %`;
  return `Of ${entry}, ${first?.name} is ${share(first?.bytes)} and ${second?.name} ${share(second?.bytes)}; the project's own code is ${share(own?.bytes)}.`;
}

function kb(bytes: number): string {
  return bytes === 0 ? '' : `${(bytes / 1000).toFixed(0)} kB`;
}
