/** How a function and its dependencies become one file, for CDK and for tools that inspect the bundles. */

/** Some bundled dependencies are CommonJS and call `require`, which does not exist in ES modules. */
const REQUIRE = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

/** esbuild options. A test checks that CDK makes byte-identical bundles from them. */
export const BUNDLING = {
  format: 'esm',
  target: 'node24',
  mainFields: ['module', 'main'],
  minify: true,
  sourcemap: true,
  sourcesContent: false,
  banner: REQUIRE,
  /** License comments in the code stay, at its end. */
  legalComments: 'eof',
} as const;

/** The file that esbuild writes; Lambda's handler is `index.handler`. */
export const BUNDLE_FILE = 'index.mjs';

/** The licenses of all bundled packages, which require that their texts accompany the code. */
export const NOTICES_FILE = 'THIRD-PARTY-NOTICES.txt';

/** A shell command, for Linux and Windows, that copies a file next to the bundle. */
export function copyFile(name: string, fromFolder: string, toFolder: string): string {
  const script = "require('node:fs').copyFileSync(process.argv[1], process.argv[2])";
  return `node -e "${script}" "${fromFolder}/${name}" "${toFolder}/${name}"`;
}
