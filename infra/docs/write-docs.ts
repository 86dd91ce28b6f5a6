/**
 * `npm run docs`: fills in what the pages take from the code. With `-- measure` also what is measured, which takes some
 * minutes; a test says when it must be.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { securityBlocks } from '../security-tables.ts';
import { configurationBlocks } from './configuration-table.ts';
import { costBlocks, MEASURED } from './cost-tables.ts';
import { dashboardPicture } from './dashboard-picture.ts';
import { keptBlocks, withMadeBlocks } from './made-blocks.ts';

// Here and not above: what is measured are the functions as they are deployed, and that needs the tests' services.
const measured = process.argv.includes('measure')
  ? await (await import('../../test/docs/measured-runs.ts')).measuredBlocks()
  : {};
const pages = {
  configuration: configurationBlocks(),
  cost: { ...(await costBlocks()), ...measured },
  security: securityBlocks(),
};
for (const [name, blocks] of Object.entries(pages)) {
  const file = new URL(`../../docs/${name}.md`, import.meta.url);
  const page = await readFile(file, 'utf8');
  const filled = withMadeBlocks(page, { ...keptBlocks(page, MEASURED), ...blocks });
  if (filled === page) continue;
  await writeFile(file, filled);
  process.stdout.write(`docs/${name}.md is as the code is now.\n`);
}
await writeFile(new URL('../../docs/dashboard.svg', import.meta.url), dashboardPicture());
