/** docs/package.md: the reference and the example are those of the code. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { AccountExport } from '../../infra/index.ts';
import { apiBlocks } from '../../tools/docs/api-reference.ts';
import { fillBlocks } from '../../tools/docs/markdown.ts';

const PAGE = readFileSync('docs/package.md', 'utf8');

it('has the current reference (npm run docs updates it)', () => {
  expect(fillBlocks(PAGE, apiBlocks())).toBe(PAGE);
});

it('describes every public method', () => {
  const methods = Object.getOwnPropertyNames(AccountExport.prototype).filter((name) =>
    /^(grant|metric)[A-Z]/.test(name),
  );
  expect(methods.length).toBeGreaterThan(5);
  for (const name of methods) expect(PAGE).toContain(`| \`${name}(`);
});

it('shows the smallest example as it is', () => {
  expect(PAGE).toContain(`\`\`\`ts\n${readFileSync('examples/minimal.ts', 'utf8')}\`\`\``);
});
