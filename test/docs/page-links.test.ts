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

it('output that names a section of a page names one that exists', () => {
  const files = ['functions', 'cli'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  const named = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/(docs\/[\w-]+\.md), "([^"$]+)"/g)]);
  const sections = [...new Set(named.map(([, path = '', title = '']) => `${path}: ${title}`))].sort();
  expect(sections).toEqual(expect.arrayContaining(['docs/operations.md: Store the API key']));
  const missing = sections.filter((section) => {
    const [path = '', title = ''] = section.split(': ');
    return !new RegExp(`^#+ ${title}$`, 'm').test(readFileSync(path, 'utf8'));
  });
  expect(missing).toEqual([]);
});
