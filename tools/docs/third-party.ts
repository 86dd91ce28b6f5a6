/** `docs/third-party.md` and the notices that travel with the code: the licences of what is bundled. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type BundledPackage, nameOf } from './bundles.ts';
import { type MadeBlocks, markdownTable } from './made-blocks.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The licences that a bundled package may have, with what they ask of who passes the code on. */
export const ALLOWED_LICENCES: Readonly<Record<string, string>> = {
  'Apache-2.0': 'a copy of the licence; the NOTICE file, where there is one; to say what was changed',
  'BSD-2-Clause': 'the copyright and the text',
  'BSD-3-Clause': 'the copyright and the text; not to advertise with the names of the authors',
  ISC: 'the copyright and the text',
  MIT: 'the copyright and the text',
  'MIT-0': 'nothing',
  '0BSD': 'nothing',
};

/** Files that hold a licence or what must be passed on with it. */
const LICENCE_FILE = /^(licen[cs]e|copying|notice)(\.(md|txt))?$/i;

/** What a package says of its licence, in its own files; empty when it has none. */
export function licenceTexts({ folder }: Pick<BundledPackage, 'folder'>): string[] {
  return readdirSync(`${ROOT}${folder}`)
    .filter((file) => LICENCE_FILE.test(file))
    .sort()
    .map((file) => readFileSync(`${ROOT}${folder}/${file}`, 'utf8').replaceAll('\r\n', '\n').trim());
}

/** The blocks of `docs/third-party.md`. */
export function thirdPartyBlocks(packages: readonly BundledPackage[], functions: number): MadeBlocks {
  const licences = [...new Set(packages.map(({ licence }) => licence))].sort();
  return {
    licences: markdownTable(
      ['licence', 'packages', 'asks of who passes the code on'],
      licences.map((licence) => [
        licence,
        String(packages.filter((one) => one.licence === licence).length),
        ALLOWED_LICENCES[licence] ?? 'not looked at',
      ]),
      'lrl',
    ),
    packages: markdownTable(
      ['package', 'version', 'licence', 'text', 'in'],
      packages.map((one) => [
        one.name,
        one.version,
        one.licence,
        licenceTexts(one).length > 0 ? 'yes' : 'no',
        one.functions.length === functions ? 'all' : one.functions.map((entry) => `\`${entry}\``).join(', '),
      ]),
    ),
  };
}

const HEAD = `Account Export: notices of third parties

The code of each function holds the packages below, bundled and minified, and otherwise unchanged. Made by
npm run docs from what is in the bundles; docs/third-party.md has the list as a table.`;

/** The text of `THIRD-PARTY-NOTICES.txt`: each licence text once, above it the packages that it is of. */
export function thirdPartyNotices(packages: readonly BundledPackage[]): string {
  const byText = Map.groupBy(packages, (one) => licenceTexts(one).join('\n\n'));
  const sections = [...byText].map(([text, its]) => {
    const names = its.map((one) => `${nameOf(one)} (${one.licence}${text === '' ? byAuthor(one) : ''})`);
    return [...names, '', text === '' ? WITHOUT_TEXT : text].join('\n');
  });
  return `${[HEAD, ...sections].join(`\n\n${'-'.repeat(78)}\n\n`)}\n`;
}

function byAuthor({ author }: BundledPackage): string {
  return author === undefined ? '' : `, by ${author}`;
}

const WITHOUT_TEXT = `These packages name their licence in package.json, and come without its text. The terms of each are those
of the same licence elsewhere in this file; MIT-0 asks for no notice.`;
