/** What a command loads before it does anything, which is what its start-up time consists of. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { startSimulator } from '../../simulator/simulator.ts';
import { BUNDLE_FILE, bundleFunctions, functionEntries, PACKAGE_BUNDLING } from '../../tools/build/bundling.ts';
import { temporaryFolder } from '../support/command-line.ts';
import type { LoadedModules } from '../support/loaded-modules.ts';

const execute = promisify(execFile);
/** What the help text needs; today 21 kB and 44 kB. */
const MAX_HELP_BYTES = 80_000;

const packagesOf = (paths: readonly string[]) =>
  [...new Set(paths.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))].sort();

async function loadedBy(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<LoadedModules> {
  const preload = ['--import', './test/support/loaded-modules.ts'];
  const { stderr } = await execute(process.execPath, [...preload, ...args], { env: { ...process.env, ...env } });
  return JSON.parse(stderr) as LoadedModules;
}

describe('--help loads no command', () => {
  it.each(['--help', '--version'])('in a clone: %s', async (flag) => {
    const { urls } = await loadedBy(['cli/main.ts', flag]);
    expect(packagesOf(urls)).toEqual(['commander']);
    expect(urls.filter((url) => /\/(functions|simulator|cli\/(?!terminal\/)\w+)\/(?!model\/)/.test(url))).toEqual([]);
  });

  it('in the package', async () => {
    const { metafile } = await build({ ...PACKAGE_BUNDLING, outdir: 'dist', write: false, metafile: true });
    const { outputs } = metafile;
    const fileOf = (source: string) =>
      Object.keys(outputs).find((file) => outputs[file]?.entryPoint === source) ?? expect.fail(source);
    const files = new Set<string>();
    const load = (file: string): void => {
      if (files.has(file)) return;
      files.add(file);
      for (const { path, kind } of outputs[file]?.imports ?? []) {
        if (kind === 'import-statement' && path in outputs) load(path);
      }
    };
    load(fileOf('cli/main.ts'));
    load(fileOf('cli/command-line.ts'));
    const loaded = [...files].map((file) => outputs[file]);
    expect(packagesOf(loaded.flatMap((output) => Object.keys(output?.inputs ?? {})))).toEqual(['commander']);
    expect(loaded.reduce((sum, output) => sum + (output?.bytes ?? 0), 0)).toBeLessThan(MAX_HELP_BYTES);
  });
});

/** Fetch and WebSocket, which no request needs, are in the package undici and in the copy of it in Node.js. */
describe('the web APIs of undici are not loaded', () => {
  const inNode = 'NativeModule internal/deps/undici/undici';

  it('by a run', async () => {
    const simulator = await startSimulator({ accounts: 10 });
    const args = [
      'run',
      '--api-url',
      simulator.url,
      '--dataset',
      'engage',
      '--out',
      await temporaryFolder(),
      '--quiet',
    ];
    const key = { PERSONALIZATION_API_KEY_ID: 'demo-key', PERSONALIZATION_API_KEY_SECRET: 'demo:secret' };
    const { urls, builtIn } = await loadedBy(['cli/main.ts', ...args], key).finally(() => simulator.close());
    expect(simulator.requests.length).toBeGreaterThan(0);
    expect(urls.filter((url) => url.includes('/undici/lib/dispatcher/'))).not.toEqual([]);
    expect(urls.filter((url) => url.includes('/undici/lib/web/'))).toEqual([]);
    expect(builtIn).not.toContain(inNode);
  });

  it('from Node.js by a Lambda function, until its first event', async () => {
    const folder = await temporaryFolder();
    await bundleFunctions(folder);
    for (const entry of await functionEntries()) {
      const bundle = join(folder, entry, BUNDLE_FILE);
      const { urls, builtIn } = await loadedBy(['--eval', `import('${bundle}').then(() => process.exit())`]);
      expect(urls.filter((url) => url.endsWith(`/${entry}/${BUNDLE_FILE}`))).not.toEqual([]);
      expect(builtIn, entry).not.toContain(inNode);
    }
  });
});

describe('the cache of compiled code', () => {
  async function copied() {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'cli'));
    await copyFile('cli/compile-cache.mjs', join(folder, 'cli', 'compile-cache.mjs'));
    const script =
      "import './compile-cache.mjs'; import module from 'node:module'; console.log(module.getCompileCacheDir())";
    await writeFile(join(folder, 'cli', 'start.mjs'), script);
    // Vitest turns the cache off while it measures coverage.
    const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: undefined };
    return { folder, start: () => execute(process.execPath, [join(folder, 'cli', 'start.mjs')], { env }) };
  }

  it('is in a folder of its own, which only its owner can read or write', async () => {
    const { folder, start } = await copied();
    const cache = join(folder, 'node_modules', '.account-export');
    expect((await start()).stdout).toContain(cache);
    expect((await stat(cache)).mode & 0o777).toBe(0o700);
    expect(await readdir(folder)).toEqual(['cli', 'node_modules']);
  });

  it('is left out where no folder can be made', async () => {
    const { folder, start } = await copied();
    await writeFile(join(folder, 'node_modules'), '');
    expect(await start()).toEqual({ stdout: 'undefined\n', stderr: '' });
  });
});
