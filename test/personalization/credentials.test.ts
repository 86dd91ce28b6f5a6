import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  basicAuthorization,
  parseApiKeySecret,
  staticCredentials,
} from '../../functions/personalization/credentials.ts';
import { evergageBaseUrl } from '../../functions/personalization/request-url.ts';
import { backoffMs, retryAfterMs } from '../../functions/personalization/retry-timing.ts';

describe('parseApiKeySecret', () => {
  it('returns keyId and secret unchanged', () => {
    expect(parseApiKeySecret('{"keyId":"k","secret":"a:b\\"c"}', 'secret "x"')).toEqual({
      keyId: 'k',
      secret: 'a:b"c',
    });
  });

  const start = 'Invalid API key in secret "x":';
  const how = 'Set it to {"keyId":"…","secret":"…"}.';
  it.each([
    ['k:hidden', `${start} it is not JSON. ${how}`],
    ['["hidden"]', `${start} it is not a JSON object. ${how}`],
    ['{"secret":"hidden"}', `${start} keyId is missing. ${how}`],
    ['{"keyId":"","secret":"hidden"}', `${start} keyId is empty. ${how}`],
    ['{"keyId":"k"}', `${start} secret is missing. ${how}`],
    ['{"keyId":"k","secret":5}', `${start} secret is not a string. ${how}`],
    [
      '{"keyId":"k:hidden","secret":"s"}',
      'Invalid API key in value "keyId" of secret "x": the key id contains a colon. Keep only the part before it.',
    ],
  ])('rejects %s without quoting it', (text, message) => {
    expect(() => parseApiKeySecret(text, 'secret "x"')).toThrow(
      expect.objectContaining({ name: 'ApiCredentialsError', message }),
    );
  });

  it('rejects a static key whose keyId contains a colon', () => {
    expect(() => staticCredentials({ keyId: 'a:b', secret: 'c' })).toThrow(
      /in keyId: the key id contains a colon. Keep only the part before it/,
    );
  });
});

it('basicAuthorization can be decoded by any server', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }).filter((id) => !id.includes(':')),
      fc.string({ unit: 'grapheme' }),
      (keyId, secret) => {
        const header = basicAuthorization({ keyId, secret });
        expect(header).toMatch(/^Basic [A-Za-z0-9+/]*={0,2}$/);
        const text = Buffer.from(header.slice(6), 'base64').toString('utf8');
        expect([text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)]).toEqual([keyId, secret]);
      },
    ),
  );
});

describe('evergageBaseUrl', () => {
  it('builds the host from account name and instance', () => {
    expect(evergageBaseUrl('Acme', 'us-5')).toBe('https://acme.us-5.evergage.com');
  });

  it.each([
    ['evil.example/', 'us-5', 'accountName ("evil.example/")'],
    ['acme', 'x.evil.example#', 'instance ("x.evil.example#")'],
    ['', 'us-5', 'accountName ("")'],
    ['-a', 'us-5', 'accountName ("-a")'],
    ['user@evil', 'us-5', 'accountName ("user@evil")'],
  ])('rejects %j and %j', (accountName, instance, value) => {
    expect(() => evergageBaseUrl(accountName, instance)).toThrow(
      `Invalid ${value}: use one part of the host name, of up to 63 letters, digits and hyphens, with no hyphen at the start or end; in acme.us-5.evergage.com, acme is the account name and us-5 is the instance.`,
    );
  });
});

describe('retryAfterMs', () => {
  const now = Date.parse('2026-08-22T02:00:00Z');
  it.each([
    ['2', 2000],
    ['0', 0],
    ['Sat, 22 Aug 2026 02:00:03 GMT', 3000],
    ['Sat, 22 Aug 2026 01:00:00 GMT', 0],
    ['-5', undefined],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('reads %j as %j', (header, ms) => {
    expect(retryAfterMs({ 'retry-after': header }, now)).toBe(ms);
  });
});

describe('backoffMs', () => {
  it('doubles its bound up to four seconds and keeps the jitter there', () => {
    expect([0, 1, 2, 3, 4, 5, 20].map((retry) => backoffMs(retry, 1))).toEqual([
      250, 500, 1000, 2000, 4000, 4000, 4000,
    ]);
    expect([0, 5, 20].map((retry) => backoffMs(retry, 0.5))).toEqual([125, 2000, 2000]);
    expect(backoffMs(20, 0)).toBe(0);
  });
});
