#!/usr/bin/env node
/** Starts the command line of the package. Older versions of Node.js cannot even load it, so this file checks the version. */
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 15)) {
  process.stderr.write(`error: Node.js ${process.versions.node} is too old: install Node.js 22.15 or later.\n`);
  process.exitCode = 1;
} else {
  await import('./main.js');
}
