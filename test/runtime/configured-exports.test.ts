import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { configuredExports } from '../../functions/runtime/configured-exports.ts';

const folder = mkdtempSync(join(tmpdir(), 'account-export-configured-'));
const FILE = join(folder, 'exports.json');
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true }));

describe('configuredExports', () => {
  it('reads more exports than the state of an execution can hold', () => {
    const exports = Array.from({ length: 40 }, (_, i) => ({
      name: `export-${i}`,
      datasetId: 'engage',
      attributeColumns: Array.from({ length: 300 }, (_each, column) => `Attribute ${i} of column ${column}`),
    }));
    const text = JSON.stringify(exports);
    expect(text.length).toBeGreaterThan(256 * 1024);
    writeFileSync(FILE, text);
    vi.stubEnv('EXPORTS_FILE', FILE);
    expect(configuredExports()).toMatchObject(exports);
  });

  it('names the file that cannot be read', () => {
    vi.stubEnv('EXPORTS_FILE', 'exports.json');
    expect(configuredExports).toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        message: 'Cannot read the configured exports (exports.json: Error): deploy the stack again.',
      }),
    );
  });

  it('needs the variable that names the file', () => {
    vi.stubEnv('EXPORTS_FILE', undefined);
    expect(configuredExports).toThrow(expect.objectContaining({ name: 'ConfigError' }));
  });
});
