/** Which packages made a bundle larger than it was when its limit was set. */
import type { Bundle } from '../../tools/docs/bundles.ts';

/** Bytes by package folder; `''` is this project. */
export type Sizes = Readonly<Record<string, number>>;

/** Changes of fewer bytes are no reason for anything: names get shorter and longer as esbuild shares them out. */
const WORTH_NAMING_BYTES = 1000;

/** The packages that grew or came, the most first, in a sentence; what shrank made room for nothing that is asked here. */
export function growthOf({ packages }: Pick<Bundle, 'packages'>, before: Sizes): string {
  const grown = [...packages]
    .map(([folder, bytes]) => ({ name: nameOf(folder), bytes, was: before[folder] }))
    .map((one) => ({ ...one, by: one.bytes - (one.was ?? 0) }))
    .filter(({ by }) => by >= WORTH_NAMING_BYTES)
    .sort((a, b) => b.by - a.by)
    .map(({ name, bytes, was, by }) =>
      was === undefined ? `${name} is new with ${kB(bytes)}` : `${name} grew by ${kB(by)} to ${kB(bytes)}`,
    );
  return grown.length === 0 ? 'No package grew.' : `${grown.join('; ')}.`;
}

function nameOf(folder: string): string {
  return folder === '' ? 'this project' : folder.replace(/^.*node_modules\//, '');
}

function kB(bytes: number): string {
  return `${Math.round(bytes / 1000).toLocaleString('en-US')} kB`;
}
