import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { anchorsOf } from './page.ts';

const FOLDERS = ['.', 'docs', 'docs/decisions'];
const PAGES = FOLDERS.flatMap((folder) => readdirSync(folder).map((file) => join(folder, file))).filter((path) =>
  path.endsWith('.md'),
);

it.each(PAGES)('%s links to files and headings that exist', (path) => {
  const links = [...readFileSync(path, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  const broken = links.filter((link) => {
    if (/^(https?|mailto):/.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : join(dirname(path), file);
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor);
  });
  expect(broken).toEqual([]);
});
