/** The licenses of what is deployed: listed, allowed, and with their texts. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type BundledPackage, functionEntries, makeBundles, packagesIn } from '../../tools/docs/bundles.ts';
import { fillBlocks } from '../../tools/docs/markdown.ts';
import { ALLOWED_LICENSES, licenseTexts, thirdPartyBlocks, thirdPartyNotices } from '../../tools/docs/third-party.ts';

const PAGE = readFileSync('docs/third-party.md', 'utf8');
const NOTICES = readFileSync('THIRD-PARTY-NOTICES.txt', 'utf8');
let packages: BundledPackage[];
beforeAll(async () => {
  packages = packagesIn(await makeBundles());
});

it('looks into every function that is deployed', () => {
  expect(functionEntries()).toEqual([
    'expire-runs',
    'export-page',
    'plan-export',
    'publish-run',
    'report-failure',
    'watch-exports',
  ]);
});

it('lists what is bundled as the code is now: npm run docs makes it so', () => {
  expect(fillBlocks(PAGE, thirdPartyBlocks(packages, 6))).toBe(PAGE);
  expect(thirdPartyNotices(packages)).toBe(NOTICES);
});

it('says in which functions a package is', () => {
  const functionsOf = (name: string) => packages.find((one) => one.name === name)?.functions;
  expect(functionsOf('@aws-sdk/client-glue')).toEqual(['expire-runs', 'publish-run']);
  expect(functionsOf('hyparquet-writer')).toContain('export-page');
  // Who does not call the API carries neither its client nor what reads the key.
  const callers = ['export-page', 'plan-export', 'publish-run'];
  expect(functionsOf('undici')).toEqual(callers);
  expect(functionsOf('@aws-sdk/client-secrets-manager')).toEqual(callers);
  expect(functionsOf('@aws-sdk/client-sfn')).toEqual(['plan-export']);
  expect(functionsOf('esbuild')).toBeUndefined();
});

it('lists versions that lie in one another apart', () => {
  const commons = packages.filter(({ name }) => name === '@aws-lambda-powertools/commons');
  expect(new Set(commons.map(({ version }) => version)).size).toBe(commons.length);
});

describe('a bundled package', () => {
  const refused = (some: readonly Pick<BundledPackage, 'name' | 'license'>[]) =>
    some.filter(({ license }) => !Object.hasOwn(ALLOWED_LICENSES, license)).map(({ name }) => name);

  it('has a license that was read and asks for no more than its notice', () => {
    expect(Object.keys(ALLOWED_LICENSES)).toEqual([
      'Apache-2.0',
      'BSD-2-Clause',
      'BSD-3-Clause',
      'ISC',
      'MIT',
      'MIT-0',
      '0BSD',
    ]);
    expect(refused(packages)).toEqual([]);
  });

  it.each(['GPL-3.0-or-later', 'MPL-2.0', 'SEE LICENSE IN x', 'UNLICENSED', 'none', 'constructor', ''])(
    'is refused with the license "%s"',
    (license) => {
      expect(refused([{ name: 'x', license }])).toEqual(['x']);
    },
  );

  it('has its text in the notices, or the name of who wrote it', () => {
    for (const one of packages) {
      expect(NOTICES).toContain(`${one.name} ${one.version} (${one.license}`);
      const texts = licenseTexts(one);
      if (texts.length === 0)
        expect(NOTICES).toContain(`${one.name} ${one.version} (${one.license}, by ${one.author})`);
      for (const text of texts) expect(NOTICES).toContain(text);
    }
    for (const found of ['Apache License', 'Copyright (c) Matteo Collina and Undici contributors', 'Forrest L Norvell'])
      expect(NOTICES).toContain(found);
  });

  it('without a text has a license whose terms stand in the notices all the same, or asks for nothing', () => {
    const terms = (license: string) => packages.some((one) => one.license === license && licenseTexts(one).length > 0);
    const without = packages.filter((one) => licenseTexts(one).length === 0 && !terms(one.license));
    expect([...new Set(without.map(({ license }) => license))]).toEqual(['MIT-0']);
  });
});
