/** Bundles each function as CDK does, and lists the packages in it. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App } from 'aws-cdk-lib/core';
import { build } from 'esbuild';
import { AccountExportStack } from '../../infra/account-export-stack.ts';
import { BUNDLE_FILE, BUNDLING } from '../../infra/bundling.ts';
import { ExportFunction } from '../../infra/constructs/export-function.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Bundle {
  /** The file in `functions/handlers/`, without its extension. */
  readonly entry: string;
  /** Size of the minified code, without its source map. */
  readonly bytes: number;
  /** Bytes by package folder, relative to the root; `''` is this project. */
  readonly packages: ReadonlyMap<string, number>;
}

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** From its package.json: an SPDX expression, or `none`. */
  readonly license: string;
  readonly author: string | undefined;
  /** Relative to the root. */
  readonly folder: string;
  /** The entries of the functions that contain it, sorted. */
  readonly functions: readonly string[];
}

/** The entries of all functions of the stack, sorted. */
export function functionEntries(): string[] {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
  const config = parseStackConfig({
    accountName: 'acme',
    instance: 'us-5',
    exports: [{ name: 'all-accounts', datasetId: 'engage', schedule: 'rate(1 day)' }],
  });
  const constructs = new AccountExportStack(app, 'AccountExport', { config }).node.findAll();
  return constructs.flatMap((construct) => (construct instanceof ExportFunction ? [construct.entry] : [])).sort();
}

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
    // esbuild lists these files but leaves them out of the bundle.
    if (bytesInOutput === 0) continue;
    const folder = folderOfPackage(file);
    packages.set(folder, (packages.get(folder) ?? 0) + bytesInOutput);
  }
  return { entry, bytes, packages };
}

/** The innermost package of a file: a package may contain its own version of another one. */
function folderOfPackage(file: string): string {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? '';
}

/** The third-party packages in the bundles, by name and version. */
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
    license: json.license ?? 'none',
    author: typeof json.author === 'object' ? json.author.name : json.author,
    folder,
    functions: bundles.filter(({ packages }) => packages.has(folder)).map(({ entry }) => entry),
  };
}

export function nameOf({ name, version }: Pick<BundledPackage, 'name' | 'version'>): string {
  return `${name} ${version}`;
}
