import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

// By its own name: in a clone, package.json is next to this folder, in the package one folder above the bundle.
const require = createRequire(import.meta.url);
const PACKAGE_JSON = 'account-export/package.json';

/** The version of this package. */
export const VERSION = (require(PACKAGE_JSON) as { version: string }).version;

const inClone = import.meta.url.endsWith('.ts');

/** The bundles of the functions, a folder for each. In a clone, every `cdk` command makes them. */
export const BUNDLES_FOLDER = join(dirname(require.resolve(PACKAGE_JSON)), inClone ? 'dist/lambda' : 'lambda');
