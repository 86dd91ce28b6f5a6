import { fileURLToPath } from 'node:url';

/** The Python packages of the recipes in examples/downstream. */
export const DOWNSTREAM_REQUIREMENTS = fileURLToPath(new URL('downstream-requirements.txt', import.meta.url));
