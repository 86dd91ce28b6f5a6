/** What is in the code that is deployed: each function bundled as CDK does it, and taken apart by package. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App } from 'aws-cdk-lib';
import { build } from 'esbuild';
import { AccountExportStack } from '../../infra/account-export-stack.ts';
import { BUNDLE_FILE, BUNDLING } from '../../infra/bundling.ts';
import { ExportFunction } from '../../infra/constructs/export-function.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Bundle {
  /** The entry file in `functions/`, without its ending. */
  readonly entry: string;
  /** Of the code, minified, without its source map. */
  readonly bytes: number;
  /** Bytes that each package has of it, by the package's folder from the root; `''` is this project. */
  readonly packages: ReadonlyMap<string, number>;
}

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** As its package.json says: an SPDX expression. */
  readonly licence: string;
  readonly author: string | undefined;
  /** Where it lies, from the root. */
  readonly folder: string;
  /** The entries of the functions that it is in, sorted. */
  readonly functions: readonly string[];
}

/** The entries of all functions that the stack has, sorted. */
export function functionEntries(): string[] {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
  const config = parseStackConfig({
    accountName: 'acme',
    instance: 'us-5',
    exports: [{ name: 'all-accounts', datasetId: 'engage', schedule: 'rate(1 day)' }],
  });
  const constructs = new AccountExportStack(app, 'AccountExport', { config }).node.findAll();
  return constructs.flatMap((one) => (one instanceof ExportFunction ? [one.entry] : [])).sort();
}

/** The bundles of all functions, made anew. */
export async function makeBundles(): Promise<Bundle[]> {
  return Promise.all(functionEntries().map(makeBundle));
}

async function makeBundle(entry: string): Promise<Bundle> {
  const { banner, mainFields, ...options } = BUNDLING;
  const { outputFiles, metafile } = await build({
    ...options,
    mainFields: [...mainFields],
    banner: { js: banner },
    entryPoints: [`functions/handlers/${entry}.ts`],
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    metafile: true,
    outfile: BUNDLE_FILE,
    write: false,
  });
  const bytes = outputFiles.find(({ path }) => basename(path) === BUNDLE_FILE)?.contents.length ?? 0;
  const packages = new Map<string, number>();
  for (const [file, { bytesInOutput }] of Object.entries(metafile.outputs[BUNDLE_FILE]?.inputs ?? {})) {
    // What nothing uses is looked at, and left out.
    if (bytesInOutput === 0) continue;
    const folder = folderOfPackage(file);
    packages.set(folder, (packages.get(folder) ?? 0) + bytesInOutput);
  }
  return { entry, bytes, packages };
}

/** The innermost package that a file belongs to: one may lie in another, in a version of its own. */
function folderOfPackage(file: string): string {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? '';
}

/** The packages of other authors in the bundles, by name and version. */
export function packagesIn(bundles: readonly Bundle[]): BundledPackage[] {
  const folders = new Set(bundles.flatMap(({ packages }) => [...packages.keys()]).filter((folder) => folder !== ''));
  return [...folders].map((folder) => describe(folder, bundles)).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function describe(folder: string, bundles: readonly Bundle[]): BundledPackage {
  const json = JSON.parse(readFileSync(`${ROOT}${folder}/package.json`, 'utf8')) as {
    name: string;
    version: string;
    license?: string;
    author?: string | { name: string };
  };
  return {
    name: json.name,
    version: json.version,
    licence: json.license ?? 'none',
    author: typeof json.author === 'object' ? json.author.name : json.author,
    folder,
    functions: bundles.filter(({ packages }) => packages.has(folder)).map(({ entry }) => entry),
  };
}

export function nameOf({ name, version }: Pick<BundledPackage, 'name' | 'version'>): string {
  return `${name} ${version}`;
}
