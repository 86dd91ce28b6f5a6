/** What CDK deploys of each function: the bundle that the pages describe, with its notices, and no larger than it may be. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccountExportStack } from '../../infra/account-export-stack.ts';
import { ExportFunction } from '../../infra/constructs/export-function.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { type Bundle, makeBundles } from '../../tools/docs/bundles.ts';
import { CONFIG } from '../support/synthesized.ts';
import { growthOf, type Sizes } from './bundle-growth.ts';

/**
 * The most that a function's code may be, in bytes, minified, as deployed, without its source map, which is read when an
 * error is: a tenth above what it was when this was written. A cold start reads and compiles all of it before the first
 * request, a tenth of a second a MB on a whole core, and most functions have less than one. What is larger than needed
 * costs that at each of the pages that start at once. Where growth is meant: raise the limit here, and write down the
 * packages with `node test/supply-chain/record-sizes.ts`.
 */
const LIMIT_BYTES: Readonly<Record<string, number>> = {
  'expire-runs': 840_000,
  'export-page': 1_750_000,
  'plan-export': 1_790_000,
  'publish-run': 1_820_000,
  'report-failure': 790_000,
  'watch-exports': 780_000,
};

let folder: string;
let bundles: Bundle[];
/** The folders of what is uploaded, by entry. */
const assets = new Map<string, string>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'account-export-bundles-'));
  const app = new App({ outdir: folder });
  const exports = CONFIG.exports.map((settings) => ({ ...settings, schedule: 'rate(1 day)' }));
  const stack = new AccountExportStack(app, 'AccountExport', { config: parseStackConfig({ ...CONFIG, exports }) });
  const functions = Template.fromStack(stack).findResources('AWS::Lambda::Function');
  for (const one of stack.node.findAll()) {
    if (!(one instanceof ExportFunction)) continue;
    const { Code } = functions[stack.getLogicalId(one.function.node.defaultChild as never)]?.Properties ?? {};
    assets.set(one.entry, join(folder, `asset.${String(Code.S3Key).replace('.zip', '')}`));
  }
  bundles = await makeBundles();
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(Object.keys(LIMIT_BYTES))('%s', (entry) => {
  const asset = (file: string) => join(assets.get(entry) ?? '', file);
  const bundle = () => bundles.find((one) => one.entry === entry) ?? expect.fail(`no bundle ${entry}`);

  it('is deployed as the pages and the limits see it', async () => {
    expect((await stat(asset('index.mjs'))).size).toBe(bundle().bytes);
  });

  it('is no larger than it may be', async () => {
    const { size } = await stat(asset('index.mjs'));
    const before = JSON.parse(await readFile(new URL('./sizes.json', import.meta.url), 'utf8')) as Record<
      string,
      Sizes
    >;
    const limit = LIMIT_BYTES[entry] ?? 0;
    expect(
      size,
      `${entry} has ${size} bytes, and may have ${limit}. ${growthOf(bundle(), before[entry] ?? {})}`,
    ).toBeLessThanOrEqual(limit);
    // A limit far above what there is stops nothing.
    expect(size).toBeGreaterThan(limit * 0.8);
  });

  it('carries its notices beside it, and those of its code in it', async () => {
    expect(await readFile(asset('THIRD-PARTY-NOTICES.txt'), 'utf8')).toBe(
      await readFile('THIRD-PARTY-NOTICES.txt', 'utf8'),
    );
    if (!bundle().packages.has('node_modules/undici')) return;
    const code = await readFile(asset('index.mjs'), 'utf8');
    for (const notice of ['formdata-polyfill. MIT License. Jimmy W', 'ws. MIT License. Einar Otto Stangvik'])
      expect(code).toContain(notice);
  });
});

it('has a limit for every function', () => {
  expect([...assets.keys()].sort()).toEqual(Object.keys(LIMIT_BYTES));
});

describe('a bundle that grew', () => {
  const before = {
    '': 60_000,
    'node_modules/undici': 736_000,
    'node_modules/zod': 454_000,
    'node_modules/gone': 90_000,
  };
  const now = (sizes: Sizes) => growthOf({ packages: new Map(Object.entries(sizes)) }, before);

  it('names what grew and what came, the most first', () => {
    expect(
      now({
        '': 64_400,
        'node_modules/undici': 903_000,
        'node_modules/zod': 454_900,
        'node_modules/a/node_modules/@scope/new': 80_000,
      }),
    ).toBe('undici grew by 167 kB to 903 kB; @scope/new is new with 80 kB; this project grew by 4 kB to 64 kB.');
  });

  it('says so when none did', () => {
    expect(now({ '': 60_000 })).toBe('No package grew.');
  });
});
