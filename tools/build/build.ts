/** Builds the npm package, which is the folder `dist/`: the command line, the construct with its types, and the functions. */
import { execFileSync } from 'node:child_process';
import { copyFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { bundleFunctions, NOTICES_FILE, PACKAGE_BUNDLING, PEERS } from './bundling.ts';

await rm('dist', { recursive: true, force: true });
await Promise.all([bundleFunctions(), build({ ...PACKAGE_BUNDLING, outdir: 'dist', logLevel: 'warning' })]);
execFileSync('tsc', ['-p', 'tsconfig.types.json'], { stdio: 'inherit' });

const { name, version, description, license, type, dependencies } = JSON.parse(
  await readFile('package.json', 'utf8'),
) as Record<string, string> & { dependencies: Readonly<Record<string, string>> };
const types = './types/infra/index.d.ts';
const manifest = {
  name,
  version,
  description,
  license,
  type,
  engines: { node: '>=22.15' },
  bin: { [name ?? '']: 'cli/start.mjs' },
  main: './infra/index.js',
  types,
  exports: { '.': { types, default: './infra/index.js' }, './package.json': './package.json' },
  // The types of the construct need it; the code contains it.
  dependencies: { zod: dependencies.zod },
  peerDependencies: Object.fromEntries(PEERS.map((peer) => [peer, `^${dependencies[peer]}`])),
  peerDependenciesMeta: Object.fromEntries(PEERS.map((peer) => [peer, { optional: true }])),
};
await writeFile('dist/package.json', `${JSON.stringify(manifest, null, 2)}\n`);
await copyFile('cli/package-start.mjs', 'dist/cli/start.mjs');
await Promise.all(
  ['CHANGELOG.md', 'LICENSE', 'Dockerfile', NOTICES_FILE].map((file) => copyFile(file, `dist/${file}`)),
);
await Promise.all(['docs', 'examples'].map((folder) => cp(folder, `dist/${folder}`, { recursive: true })));
// The page about the package is its README; its links are relative to `docs/`.
const readme = (await readFile('docs/package.md', 'utf8'))
  .replaceAll(/\]\((?!\.\.\/|#|https:)/g, '](docs/')
  .replaceAll('](../', '](');
await writeFile('dist/README.md', readme);
