import { describe, expect, it } from 'vitest';
import { hashAccounts } from '../../../functions/export/page/account-hashes.ts';

describe('account hashes', () => {
  it('are eight bytes per account, in page order, of the run id and the name', () => {
    // The first 16 hex digits of `printf 'run-1\0Acme' | sha256sum`, and of the same with Globex.
    expect(Buffer.from(hashAccounts('run-1', ['Acme', 'Globex']), 'base64').toString('hex')).toBe(
      'f5afb5a6599ff5c7376bcf0c328e6713',
    );
    // The same with `M\xc3\xbcller \xf0\x9f\x9a\x80`: the name's UTF-8.
    expect(Buffer.from(hashAccounts('run-1', ['Müller 🚀']), 'base64').toString('hex')).toBe('07af0b4ba1f3f4af');
    expect(hashAccounts('run-1', [])).toBe('');
  });

  it('of two runs cannot be compared', () => {
    expect(hashAccounts('run-2', ['Acme'])).not.toBe(hashAccounts('run-1', ['Acme']));
    expect(hashAccounts('run-1', ['2'])).not.toBe(hashAccounts('run-12', ['']));
  });
});
