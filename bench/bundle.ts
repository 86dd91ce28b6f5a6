import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLING } from '../tools/build/bundling.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/**
 * Bundles a program with the options of the Lambda functions.
 * @param entry relative to the project's root
 * @returns the bytes of each package in the bundle, by name; `''` is this project
 */
export async function bundle(entry: string, outfile: string): Promise<ReadonlyMap<string, number>> {
  const { metafile } = await build({
    entryPoints: [`${ROOT}${entry}`],
    ...BUNDLING,
    outfile,
    sourcemap: false,
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
