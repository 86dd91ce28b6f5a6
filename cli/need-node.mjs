/** Imported before TypeScript, which older versions of Node.js refuse with a stack trace. So this file is JavaScript. */
import './compile-cache.mjs';
import { existsSync } from 'node:fs';

const NEEDED = 24;

/**
 * Why this clone cannot run yet, and what to do; `undefined` if it can.
 * @param {string} version of Node.js
 * @param {boolean} installed whether there is a folder `node_modules`
 */
export function problemOf(version, installed) {
  const install = 'run npm ci --omit=dev in this folder';
  if (!installed) return `The packages are not installed: ${install}.`;
  if (Number(version.split('.')[0]) >= NEEDED) return undefined;
  return `Node.js ${version} is too old (${NEEDED} is needed): ${install}, which installs Node.js ${NEEDED} for its scripts, or install it yourself.`;
}

const problem = problemOf(process.versions.node, existsSync(new URL('../node_modules/', import.meta.url)));
if (problem !== undefined) {
  process.stderr.write(`error: ${problem}\n`);
  process.exit(1);
}
