/** How a function and its dependencies become one file, for the deployment and for tools that inspect the bundles. */
import { copyFile, readdir, readFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Some bundled dependencies are CommonJS and call `require`, which does not exist in ES modules. */
const REQUIRE = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

const EMPTY_MAP = Buffer.from('{"version":3,"sources":[""],"mappings":"AAAA"}').toString('base64');

/** Source maps of this project only: those of the packages would be ten times as large. */
const ownSourceMaps: Plugin = {
  name: 'own-source-maps',
  setup({ onLoad }) {
    onLoad({ filter: /node_modules.*\.[cm]?js$/ }, async ({ path }) => ({
      contents: `${await readFile(path, 'utf8')}\n//# sourceMappingURL=data:application/json;base64,${EMPTY_MAP}`,
      loader: 'default',
    }));
  },
};

/**
 * Requires `node:http`, which the AWS SDK imports: an import reads all exports of the module. That loads the copy of
 * undici in Node.js, which no function needs.
 */
const requireHttp: Plugin = {
  name: 'require-http',
  setup({ onResolve, onLoad }) {
    const namespace = 'require-http';
    onResolve({ filter: /^(?:node:)?http$/ }, ({ kind }) =>
      kind === 'require-call' ? undefined : { path: 'node:http', namespace },
    );
    onLoad({ filter: /./, namespace }, () => ({ contents: 'module.exports = require("node:http");' }));
  },
};

/** The AWS SDK is bundled, so that the tested version is the deployed one. */
export const BUNDLING = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  mainFields: ['module', 'main'],
  minify: true,
  sourcemap: true,
  sourcesContent: false,
  banner: { js: REQUIRE },
  /** License comments in the code stay, at its end. */
  legalComments: 'eof',
  plugins: [ownSourceMaps, requireHttp],
} satisfies BuildOptions;

/** Installed by those who need them: CDK apps, and people who query on their machine. The package bundles all others. */
export const PEERS = ['aws-cdk-lib', 'constructs', '@duckdb/node-api'];

/** The command line and the construct, for the npm package. */
export const PACKAGE_BUNDLING = {
  ...BUNDLING,
  target: 'node22',
  entryPoints: [
    { in: 'cli/main.ts', out: 'cli/main' },
    { in: 'infra/index.ts', out: 'infra/index' },
  ],
  // A command loads only the code that it uses.
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  external: PEERS,
} satisfies BuildOptions;

/** The file that esbuild writes; Lambda's handler is `index.handler`. */
export const BUNDLE_FILE = 'index.mjs';

/** The licenses of all bundled packages, which require that their texts accompany the code. */
export const NOTICES_FILE = 'THIRD-PARTY-NOTICES.txt';

/** The files in `functions/handlers/`, without their extension, sorted. */
export async function functionEntries(): Promise<string[]> {
  const files = await readdir(`${ROOT}functions/handlers`);
  return files.map((file) => file.replace('.ts', '')).sort();
}

/** Bundles every function into its own folder, with the notices. @param folder is emptied first */
export async function bundleFunctions(folder = `${ROOT}dist/lambda`): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const entries = await functionEntries();
  await build({
    ...BUNDLING,
    entryPoints: entries.map((entry) => ({ in: `functions/handlers/${entry}.ts`, out: `${entry}/index` })),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    logLevel: 'warning',
  });
  await Promise.all(entries.map((entry) => copyFile(`${ROOT}${NOTICES_FILE}`, `${folder}/${entry}/${NOTICES_FILE}`)));
}

if (import.meta.main) await bundleFunctions();
