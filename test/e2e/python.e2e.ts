import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/command-line.ts';
import { pythonPrograms } from './python.ts';

/** A cache and a requirements file that needs no network. */
async function cacheFor(requirements: string): Promise<{ cache: string; list: string }> {
  const folder = await temporaryFolder();
  const list = join(folder, 'list.txt');
  await writeFile(list, requirements);
  return { cache: join(folder, 'cache'), list };
}

it('creates an environment once, and again when its Python is gone', async () => {
  const { cache, list } = await cacheFor('# nothing\n');
  const both = await Promise.all([pythonPrograms('e', list, cache), pythonPrograms('e', list, cache)]);
  for (const programs of both) expect(existsSync(join(programs, 'python'))).toBe(true);
  expect(both).toContain(await pythonPrograms('e', list, cache));

  for (const programs of both) await rm(join(programs, 'python'));
  expect(both).not.toContain(await pythonPrograms('e', list, cache));
  expect(await readdir(cache)).toHaveLength(1);
});

it('reports what could not be installed and leaves nothing', async () => {
  const { cache, list } = await cacheFor('/nowhere/package-1.0-py3-none-any.whl\n');
  await expect(pythonPrograms('e', list, cache)).rejects.toThrow(
    /^Cannot install list\.txt from PyPI: .*\/nowhere\/package-1\.0-py3-none-any\.whl.*$/,
  );
  expect(await readdir(cache)).toEqual([]);
});

it('ignores an incomplete environment and removes it after an hour', async () => {
  const { cache, list } = await cacheFor('# nothing\n');
  const name =
    join(await pythonPrograms('e', list, cache), '..')
      .split('/')
      .at(-1) ?? '';
  await rm(join(cache, name, 'ready'), { recursive: true });
  const [old, young] = [`${name}-old`, `${name}-young`];
  for (const half of [old, young]) await mkdir(join(cache, half, 'bin'), { recursive: true });
  await utimes(join(cache, old), 1, 1);
  const programs = await pythonPrograms('e', list, cache);
  expect(programs).not.toContain(`${name}/`);
  expect((await readdir(cache)).filter((entry) => entry === old || entry === young)).toEqual([young]);
});
