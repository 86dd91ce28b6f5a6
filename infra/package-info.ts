import { createRequire } from 'node:module';
import { dirname } from 'node:path';

// By its own name, because the compiled file lies in another folder than the source.
const require = createRequire(import.meta.url);
const PACKAGE_JSON = 'account-export/package.json';

/** The version of this package. */
export const VERSION = (require(PACKAGE_JSON) as { version: string }).version;

/** The bundles of the functions: a folder for each, made by `npm run build`, and in a clone by every `cdk` command. */
export const BUNDLES_FOLDER = `${dirname(require.resolve(PACKAGE_JSON))}/dist/lambda`;
