/** `node test/docs/write-measured-runs.ts`: measures runs and writes their figures to `docs/cost.md`. */
import { readFile, writeFile } from 'node:fs/promises';
import { fillBlocks } from '../../tools/docs/markdown.ts';
import { measuredBlocks } from './measured-runs.ts';

const PAGE = new URL('../../docs/cost.md', import.meta.url);
const page = await readFile(PAGE, 'utf8');
await writeFile(PAGE, fillBlocks(page, await measuredBlocks(), 'node test/docs/write-measured-runs.ts'));
