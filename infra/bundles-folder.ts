import { fileURLToPath } from 'node:url';

const inClone = import.meta.url.endsWith('.ts');

/** The bundles of the functions, a folder for each. In a clone, every `cdk` command makes them. */
export const BUNDLES_FOLDER = fileURLToPath(new URL(inClone ? '../dist/lambda' : '../lambda', import.meta.url));
