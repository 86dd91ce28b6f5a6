/** Size, contents and load time of the Lambda bundles. */
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
/** The environment of a deployed function. Loading uses no credentials. */
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
const PACKAGES_SHOWN = 8;

/** Prints the load time of a module and exits without waiting for what the module started. */
const LOADER = `
const startedAt = performance.now();
const cpu = process.cpuUsage();
await import(process.argv[2]);
const { user, system } = process.cpuUsage(cpu);
process.stdout.write(JSON.stringify({ ms: performance.now() - startedAt, cpuMs: (user + system) / 1000 }), () => process.exit(0));
`;

interface DeployedFunction {
  /** The file in `functions/handlers/`, without extension. */
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
  /** Without the source map, which is deployed too. */
  readonly gzipBytes: number;
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
    const loaded = await loadInTurn(folder, [{ entry: 'empty', file: empty }, ...functions], quick ? 1 : 15);
    const figures = await Promise.all(functions.map((one) => figuresOf(one, loaded.get(one.entry) ?? [])));
    const emptyMs = spreadOf((loaded.get('empty') ?? []).map(({ ms }) => ms));
    const packages = await packagesOf(functions, folder);
    const page = figures.find(({ entry }) => entry === 'export-page');
    return {
      title: 'Bundles',
      about: [
        'The bundles that `cdk deploy` uploads. *gzip* excludes the source map, which is uploaded too. Load time is the import',
        'of a bundle in a new Node process with the environment of the function, interleaved with the others and with an empty',
        `module, which takes ${quoteSpread(emptyMs, 1)} ms. On Lambda, a container loads its bundle once.`,
      ].join('\n'),
      tables: [
        {
          head: ['function', 'bundle', 'gzip', 'source map', 'load, ms', 'load, CPU ms'],
          align: 'lrrrrr',
          rows: figures.map(({ entry, bytes, gzipBytes, sourceMapBytes, loadMs, loadCpuMs }) => [
            entry,
            kb(bytes),
            kb(gzipBytes),
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
        largestPackages('export-page', page?.bytes ?? 0, packages),
        `*Export page* takes ${page?.loadCpuMs.median.toFixed(0)} ms of CPU to load, once per container: about every 50 pages in a run of a million accounts.`,
      ],
      figures: { emptyLoadMs: emptyMs, functions: figures, packages },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Synthesizes the configured stack and returns its bundles. */
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
  // Round -1 warms the disk cache.
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
    gzipBytes: gzipSync(code).length,
    sourceMapBytes: (await stat(`${file}.map`)).size,
    loadMs: spreadOf(loaded.map(({ ms }) => ms)),
    loadCpuMs: spreadOf(loaded.map(({ cpuMs }) => cpuMs)),
  };
}

/** Bytes per function of this project and of the largest packages. */
async function packagesOf(functions: readonly DeployedFunction[], folder: string) {
  const bytes = new Map<string, Record<string, number>>();
  for (const { entry } of functions) {
    for (const [name, count] of await bundle(`functions/handlers/${entry}.ts`, join(folder, 'bundle.mjs'))) {
      bytes.set(name, { ...bytes.get(name), [entry]: count });
    }
  }
  const total = (of: Record<string, number>) => Object.values(of).reduce((sum, count) => sum + count, 0);
  const { '': own = {}, ...others } = Object.fromEntries(bytes);
  const largest = Object.entries(others).sort(([, a], [, b]) => total(b) - total(a));
  return [['this project', own] as const, ...largest.slice(0, PACKAGES_SHOWN)].map(([name, of]) => ({
    name,
    bytes: of,
  }));
}

/** `undici is 37 % and zod 23 % of export-page; the project's own code is 3 %.` */
function largestPackages(
  entry: string,
  bytes: number,
  packages: readonly { readonly name: string; readonly bytes: Readonly<Record<string, number>> }[],
): string {
  const [own, first, second] = packages.map(({ name, bytes: of }) => ({ name, bytes: of[entry] ?? 0 }));
  const share = (count = 0) => `${((100 * count) / bytes).toFixed(0)} %`;
  return `${first?.name} is ${share(first?.bytes)} and ${second?.name} ${share(second?.bytes)} of ${entry}; the project's own code is ${share(own?.bytes)}.`;
}

function kb(bytes: number): string {
  return bytes === 0 ? '' : `${(bytes / 1000).toFixed(0)} kB`;
}
