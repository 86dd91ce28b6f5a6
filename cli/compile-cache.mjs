/**
 * Lets Node.js keep compiled code, and TypeScript without its types, between commands. The folder is next to the code: who
 * can write there can change the code as well. Where it cannot be written, commands only start more slowly.
 */
import { mkdirSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../node_modules/.account-export', import.meta.url));
try {
  // Node.js trusts what it finds there, so nobody else may add to it.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Node.js 20 has no such function.
  module.enableCompileCache?.(folder);
} catch {
  // A read-only file system, or an installation of another user.
}
