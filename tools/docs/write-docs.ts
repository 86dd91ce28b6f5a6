/** `npm run docs`: writes what the pages take from the code. */
import { readFile, writeFile } from 'node:fs/promises';
import { NOTICES_FILE } from '../build/bundling.ts';
import { apiBlocks } from './api-reference.ts';
import { athenaBlocks } from './athena-tables.ts';
import { makeBundles, makePackageBundle, packagesIn } from './bundles.ts';
import { configurationBlocks } from './configuration-tables.ts';
import { costBlocks } from './cost-tables.ts';
import { fillBlocks } from './markdown.ts';
import { securityBlocks } from './security-tables.ts';
import { thirdPartyBlocks, thirdPartyNotices } from './third-party.ts';

const bundles = [...(await makeBundles()), await makePackageBundle()];
const packages = packagesIn(bundles);
const pages = {
  athena: athenaBlocks(),
  configuration: configurationBlocks(),
  cost: await costBlocks(),
  package: apiBlocks(),
  'security-permissions': securityBlocks(),
  'third-party': thirdPartyBlocks(packages, bundles.length),
};
for (const [name, blocks] of Object.entries(pages)) {
  await rewrite(`docs/${name}.md`, (page) => fillBlocks(page, blocks));
}
await rewrite(NOTICES_FILE, () => thirdPartyNotices(packages));

async function rewrite(path: string, change: (text: string) => string): Promise<void> {
  const file = new URL(`../../${path}`, import.meta.url);
  const before = await readFile(file, 'utf8');
  const after = change(before);
  if (after === before) return;
  await writeFile(file, after);
  process.stdout.write(`Updated ${path}\n`);
}
