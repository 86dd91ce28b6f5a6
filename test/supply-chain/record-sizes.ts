/** `node test/supply-chain/record-sizes.ts`: writes down what each package has of each bundle, when a limit is set anew. */
import { writeFile } from 'node:fs/promises';
import { makeBundles } from '../../tools/docs/bundles.ts';

const sizes = Object.fromEntries(
  (await makeBundles()).map(({ entry, packages }) => [
    entry,
    Object.fromEntries([...packages].sort(([a], [b]) => (a < b ? -1 : 1))),
  ]),
);
await writeFile(new URL('./sizes.json', import.meta.url), `${JSON.stringify(sizes, undefined, 2)}\n`);
