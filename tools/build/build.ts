/** Builds the npm package in `dist/`: the command line, the construct with its types, and the bundles of the functions. */
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';
import { BUNDLING, bundleFunctions } from './bundling.ts';

/** Installed by those who need them: the construct by CDK apps, DuckDB by people who query on their machine. */
const PEERS = ['aws-cdk-lib', 'constructs', '@duckdb/node-api'];

await rm('dist', { recursive: true, force: true });
await Promise.all([
  bundleFunctions(),
  build({
    ...BUNDLING,
    target: 'node22',
    entryPoints: [
      { in: 'cli/main.ts', out: 'cli/main' },
      { in: 'infra/index.ts', out: 'infra/index' },
    ],
    // A command loads only the code that it uses.
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    outdir: 'dist',
    external: PEERS,
    logLevel: 'warning',
  }),
]);
execFileSync('tsc', ['-p', 'tsconfig.types.json'], { stdio: 'inherit' });
