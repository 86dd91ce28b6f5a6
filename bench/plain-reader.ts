/** What a short script does: `node plain-reader.ts URL FOLDER LANES` reads pages until one is empty, without any check. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const [url, folder = '', lanes] = process.argv.slice(2);
const { PERSONALIZATION_API_KEY_ID: id, PERSONALIZATION_API_KEY_SECRET: secret } = process.env;
const headers = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
let next = 0;
let isDone = false;

async function read(): Promise<void> {
  while (!isDone) {
    const page = next++;
    const response = await fetch(`${url}&page=${page}`, { headers });
    if (!response.ok) throw new Error(`The API answered with status ${response.status}.`);
    const accounts = (await response.json()) as object[];
    if (accounts.length === 0) isDone = true;
    else {
      const lines = accounts.map((account) => `${JSON.stringify(account)}\n`).join('');
      await writeFile(join(folder, `page-${page}.json.gz`), await promisify(gzip)(lines));
    }
  }
}

await Promise.all(Array.from({ length: Number(lanes) }, read));
