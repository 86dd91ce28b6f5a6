/** The code of the functions: its size, and the licenses of the packages in it. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { functionEntries } from '../../tools/build/bundling.ts';
import { type Bundle, makeBundles, makePackageBundle, packagesIn } from '../../tools/docs/bundles.ts';
import { fillBlocks } from '../../tools/docs/markdown.ts';
import { ALLOWED_LICENSES, licenseTexts, thirdPartyBlocks, thirdPartyNotices } from '../../tools/docs/third-party.ts';

/**
 * Maximum size of a function's minified code, without its source map: about 10 % above the size when the limit was set. A
 * cold start loads all of it, about 100 ms per MB on a full core. To allow growth on purpose, raise the limit.
 */
const LIMIT_BYTES: Readonly<Record<string, number>> = {
  'expire-runs': 840_000,
  'export-page': 1_500_000,
  'plan-export': 1_610_000,
  'publish-run': 1_630_000,
  'report-failure': 790_000,
  'watch-exports': 780_000,
};

const PAGE = readFileSync('docs/third-party.md', 'utf8');
const NOTICES = readFileSync('THIRD-PARTY-NOTICES.txt', 'utf8');
const bundles = await makeBundles();
const all = [...bundles, await makePackageBundle()];
const packages = packagesIn(all);

/** The largest packages of a bundle, for the message of a failed test. */
function largestOf(bundle: Bundle): string {
  const sizes = [...bundle.packages].sort(([, a], [, b]) => b - a).slice(0, 8);
  return sizes.map(([folder, bytes]) => `${folder || 'this project'} ${bytes}`).join(', ');
}

it('every function has a size limit', async () => {
  expect(await functionEntries()).toEqual(Object.keys(LIMIT_BYTES));
});

it.each(bundles)('$entry is smaller than its limit, and not much smaller', (bundle) => {
  const limit = LIMIT_BYTES[bundle.entry] ?? 0;
  expect(bundle.bytes, `Largest packages: ${largestOf(bundle)}`).toBeLessThanOrEqual(limit);
  // A limit far above the size would not notice growth.
  expect(bundle.bytes).toBeGreaterThan(limit * 0.8);
});

it('docs/third-party.md and the notices list the bundled packages (npm run docs updates them)', () => {
  expect(fillBlocks(PAGE, thirdPartyBlocks(packages, all.length))).toBe(PAGE);
  expect(thirdPartyNotices(packages)).toBe(NOTICES);
});

it('only functions that use a service bundle its client', () => {
  const functionsOf = (name: string) => packagesIn(bundles).find((one) => one.name === name)?.functions;
  const callApi = ['export-page', 'plan-export', 'publish-run'];
  expect(functionsOf('undici')).toEqual(callApi);
  expect(functionsOf('@aws-sdk/client-secrets-manager')).toEqual(callApi);
  expect(functionsOf('@aws-sdk/client-sfn')).toEqual(['plan-export']);
  expect(functionsOf('@aws-sdk/client-glue')).toEqual(['expire-runs', 'plan-export', 'publish-run', 'watch-exports']);
  expect(functionsOf('hyparquet-writer')).toContain('export-page');
  expect(functionsOf('esbuild')).toBeUndefined();
});

it('bundled packages have reviewed licenses that require only a notice', () => {
  expect(Object.keys(ALLOWED_LICENSES)).toEqual([
    'Apache-2.0',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'ISC',
    'MIT',
    'MIT-0',
    '0BSD',
  ]);
  expect(packages.filter(({ license }) => !Object.hasOwn(ALLOWED_LICENSES, license))).toEqual([]);
});

it('the notices name every bundled package and contain its license text', () => {
  for (const one of packages) {
    const texts = licenseTexts(one);
    expect(NOTICES).toContain(
      `${one.name} ${one.version} (${one.license}${texts.length === 0 ? `, by ${one.author}` : ''}`,
    );
    for (const text of texts) expect(NOTICES).toContain(text);
  }
});

it('a package without a license text has a license whose text is in the notices, or one that requires no notice', () => {
  const withText = new Set(packages.filter((one) => licenseTexts(one).length > 0).map(({ license }) => license));
  const others = packages.filter(({ license }) => !withText.has(license)).map(({ license }) => license);
  expect([...new Set(others)]).toEqual(['MIT-0']);
});
