/** How a function and all it needs become one file: for CDK, which deploys it, and for who looks into what is deployed. */

/** Some dependencies of the bundle are CommonJS and call `require`, which an ES module does not have. */
const REQUIRE = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

/** In esbuild's words. That what CDK makes of it is the same, byte for byte, is held by a test. */
export const BUNDLING = {
  format: 'esm',
  target: 'node24',
  mainFields: ['module', 'main'],
  minify: true,
  sourcemap: true,
  sourcesContent: false,
  banner: REQUIRE,
  /** Notices that stand in the code itself stay in it, at its end: they name what a package took from others. */
  legalComments: 'eof',
} as const;

/** What esbuild calls the one file; Lambda's handler is `index.handler`. */
export const BUNDLE_FILE = 'index.mjs';

/** The licences of all that is bundled, with their texts: they go with the code wherever it goes, as they ask for. */
export const NOTICES_FILE = 'THIRD-PARTY-NOTICES.txt';

/** Puts the notices beside the bundle, in a shell of Linux or Windows. */
export function copyNotices(fromFolder: string, toFolder: string): string {
  const script = "require('node:fs').copyFileSync(process.argv[1], process.argv[2])";
  return `node -e "${script}" "${fromFolder}/${NOTICES_FILE}" "${toFolder}/${NOTICES_FILE}"`;
}
