/**
 * `npm run docs`: fills in what the pages take from the code. With `-- measure` also what is measured, which takes some
 * minutes; a test says when it must be.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { NOTICES_FILE } from '../../infra/bundling.ts';
import { securityBlocks } from '../../infra/security-tables.ts';
import { makeBundles, packagesIn } from './bundles.ts';
import { configurationBlocks } from './configuration-table.ts';
import { costBlocks, MEASURED } from './cost-tables.ts';
import { dashboardPicture } from './dashboard-picture.ts';
import { keptBlocks, withMadeBlocks } from './made-blocks.ts';
import { thirdPartyBlocks, thirdPartyNotices } from './third-party.ts';

// Here and not above: what is measured are the functions as they are deployed, and that needs the tests' services.
const measured = process.argv.includes('measure')
  ? await (await import('../../test/docs/measured-runs.ts')).measuredBlocks()
  : {};
const bundles = await makeBundles();
const packages = packagesIn(bundles);
const pages = {
  configuration: configurationBlocks(),
  cost: { ...(await costBlocks()), ...measured },
  security: securityBlocks(),
  'third-party': thirdPartyBlocks(packages, bundles.length),
};
for (const [name, blocks] of Object.entries(pages)) {
  await rewrite(`docs/${name}.md`, (page) => withMadeBlocks(page, { ...keptBlocks(page, MEASURED), ...blocks }));
}
await rewrite(NOTICES_FILE, () => thirdPartyNotices(packages));
await rewrite('docs/dashboard.svg', dashboardPicture);

async function rewrite(path: string, change: (text: string) => string): Promise<void> {
  const file = new URL(`../../${path}`, import.meta.url);
  const before = await readFile(file, 'utf8');
  const after = change(before);
  if (after === before) return;
  await writeFile(file, after);
  process.stdout.write(`${path} is as the code is now.\n`);
}
