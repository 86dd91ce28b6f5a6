import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLING } from '../infra/bundling.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/**
 * Makes one file of a program and all it needs, as is done with the functions.
 * @param entry from the project's root
 * @returns the bytes that each package has in it, by name; `''` is this project
 */
export async function bundle(entry: string, outfile: string): Promise<ReadonlyMap<string, number>> {
  const { metafile } = await build({
    entryPoints: [`${ROOT}${entry}`],
    absWorkingDir: ROOT,
    outfile,
    bundle: true,
    platform: 'node',
    ...BUNDLING,
    sourcemap: false,
    mainFields: [...BUNDLING.mainFields],
    banner: { js: BUNDLING.banner },
    metafile: true,
    logLevel: 'silent',
  });
  const packages = new Map<string, number>();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? '';
      packages.set(name, (packages.get(name) ?? 0) + bytesInOutput);
    }
  }
  return packages;
}
