/** `npm run docs`: fills in what the pages take from the code. */
import { readFile, writeFile } from 'node:fs/promises';
import { securityBlocks } from '../security-tables.ts';
import { configurationBlocks } from './configuration-table.ts';
import { costBlocks } from './cost-tables.ts';
import { withMadeBlocks } from './made-blocks.ts';

const pages = { configuration: configurationBlocks(), cost: await costBlocks(), security: securityBlocks() };
for (const [name, blocks] of Object.entries(pages)) {
  const file = new URL(`../../docs/${name}.md`, import.meta.url);
  const page = await readFile(file, 'utf8');
  const filled = withMadeBlocks(page, blocks);
  if (filled === page) continue;
  await writeFile(file, filled);
  process.stdout.write(`docs/${name}.md is as the code is now.\n`);
}
