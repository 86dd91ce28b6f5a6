/** Bundles each function as for the deployment, and lists the packages in it. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { BUNDLE_FILE, BUNDLING, functionEntries, PACKAGE_BUNDLING } from '../build/bundling.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Bundle {
  /** The file in `functions/handlers/`, without its extension; `account-export` for the npm package. */
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
  /** The entries of the bundles that contain it. */
  readonly functions: readonly string[];
}

/** The bundle of each function. */
export async function makeBundles(): Promise<Bundle[]> {
  return Promise.all((await functionEntries()).map(makeBundle));
}

/** The bundle of the npm package: its command line and its construct. */
export async function makePackageBundle(): Promise<Bundle> {
  const { metafile } = await build({ ...PACKAGE_BUNDLING, metafile: true, outdir: 'dist', write: false });
  return bundleOf('account-export', Object.values(metafile.outputs));
}

async function makeBundle(entry: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    ...BUNDLING,
    entryPoints: [`functions/handlers/${entry}.ts`],
    metafile: true,
    outfile: BUNDLE_FILE,
    write: false,
  });
  const { [BUNDLE_FILE]: output } = metafile.outputs;
  const bytes = outputFiles.find(({ path }) => basename(path) === BUNDLE_FILE)?.contents.length ?? 0;
  return { ...bundleOf(entry, output ? [output] : []), bytes };
}

function bundleOf(entry: string, outputs: readonly Metafile['outputs'][string][]): Bundle {
  const packages = new Map<string, number>();
  for (const [file, { bytesInOutput }] of outputs.flatMap(({ inputs }) => Object.entries(inputs))) {
    // esbuild lists these files but leaves them out of the bundle.
    if (bytesInOutput === 0) continue;
    const folder = folderOfPackage(file);
    packages.set(folder, (packages.get(folder) ?? 0) + bytesInOutput);
  }
  return { entry, bytes: outputs.reduce((sum, { bytes }) => sum + bytes, 0), packages };
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
