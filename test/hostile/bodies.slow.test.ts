/** Unexpected bodies: each fails with a named error that does not quote the body. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeCsv } from '../../functions/formats/csv.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { ACCOUNT, client, query, safeErrorOf, serveHttp, serveRaw } from './servers.ts';

const json = `[{"name":"${ACCOUNT}"}]`;
const csv = `name,note\n${ACCOUNT},x\n`;
const utf16 = (text: string, bom = '') => Buffer.from(`${bom}${text}`, 'utf16le');
const latin1 = (text: string) => Buffer.from(text, 'latin1');

interface Answer {
  readonly body: string | Buffer;
  readonly headers?: Record<string, string | string[]>;
}

async function fetched(endpoint: 'json' | 'csv', { body, headers = {} }: Answer) {
  const url = await serveHttp((_request, response) => {
    response.writeHead(200, { 'content-type': endpoint === 'json' ? 'application/json' : 'text/csv', ...headers });
    response.end(body);
  });
  const api = client(url, { limits: { maxRequests: 1, totalTimeoutMs: 5000 } });
  const ask = query({ endpoint });
  return endpoint === 'json'
    ? api.fetchPage(ask, decodeJson)
    : api.fetchPage(ask, (bytes) => decodeCsv(bytes, { finalNewline: true }));
}

/** A damaged body is requested again; another answer comes again. */
function nameOf(message: string): string {
  if (message.startsWith('Cannot fetch')) return 'ApiUnavailableError';
  return /^(?:Invalid|Empty|Malformed|Truncated|Repeated)/.test(message) ? 'ApiAnswerError' : 'ApiContentError';
}

const deep = (levels: number, [open, close]: readonly [string, string] = ['[', ']']) =>
  open.repeat(levels) + close.repeat(levels);

describe('a JSON body', () => {
  it.each<[string, Answer, RegExp]>([
    ['arrays nested 10,000 deep', { body: `[{"a":${deep(10_000)}}]` }, /nested deeper than 1000 levels/],
    ['arrays nested 1,000,000 deep', { body: deep(1_000_000) }, /nested deeper than 1000 levels/],
    ['1,000,000 unclosed arrays', { body: '['.repeat(1_000_000) }, /nested deeper than 1000 levels/],
    ['objects nested 100,000 deep', { body: `[${deep(100_000, ['{"a":', '}'])}]` }, /nested deeper than 1000 levels/],
    ['an unclosed string', { body: `[{"name":"${ACCOUNT}` }, /^Invalid JSON .*truncated/],
    ['a string that ends with a backslash', { body: `[{"name":"${ACCOUNT}\\` }, /^Invalid JSON/],
    ['invalid UTF-8', { body: Buffer.from('5b7b226e616d65223a22c328227d5d', 'hex') }, /^Invalid UTF-8/],
    ['a truncated character', { body: Buffer.from('5b7b226e616d65223a22c3', 'hex') }, /^Invalid UTF-8/],
    ['an overlong slash', { body: Buffer.from('5b7b226e616d65223a22c0af227d5d', 'hex') }, /^Invalid UTF-8/],
    ['half a surrogate pair as bytes', { body: Buffer.from('5b22eda080225d', 'hex') }, /^Invalid UTF-8/],
    ['UTF-16 with a byte order mark', { body: utf16(json, '\ufeff') }, /^Invalid UTF-8/],
    ['UTF-16 without a byte order mark', { body: utf16(json) }, /^Invalid JSON/],
    [
      'UTF-16 with a charset',
      { body: utf16(json, '\ufeff'), headers: { 'content-type': 'application/json; charset=utf-16' } },
      /not UTF-8/,
    ],
    ['Latin-1', { body: latin1('[{"name":"M\xfcller"}]') }, /^Invalid UTF-8/],
    [
      'Latin-1 that is valid UTF-8',
      { body: latin1('[{"name":"\xc3\xa9"}]'), headers: { 'content-type': 'application/json;charset="ISO-8859-1"' } },
      /not UTF-8/,
    ],
    [
      'an unknown charset',
      { body: json, headers: { 'content-type': 'application/json; charset=hidden' } },
      /not UTF-8/,
    ],
    ['two byte order marks', { body: `\ufeff\ufeff${json}` }, /^Invalid JSON/],
    ['a number as a record', { body: '[1]' }, /\(record 0 is a number instead/],
    ['null as a record', { body: '[{},null]' }, /\(record 1 is null/],
    ['an array as a record', { body: `[["${ACCOUNT}"]]` }, /\(record 0 is an array/],
    ['a string as a record', { body: `[{},{},"${ACCOUNT}"]` }, /\(record 2 is a string/],
    ['an object around the records', { body: `{"accounts":${json}}` }, /\(an object instead of an array/],
    ['null', { body: 'null' }, /\(null instead of an array/],
    ['two arrays', { body: `${json}${json}` }, /^Invalid JSON/],
    ['JSON lines', { body: `{"name":"${ACCOUNT}"}\n{"name":"b"}\n` }, /^Invalid JSON/],
    ['NaN', { body: '[{"engagementScore":NaN}]' }, /^Invalid JSON/],
    ['HTML labeled as JSON', { body: `<html>${ACCOUNT}</html>` }, /^HTML instead of/],
    [
      'HTML with the key in its content type',
      { body: ACCOUNT, headers: { 'content-type': 'text/html; x=hidden:secret' } },
      /HTML/,
    ],
    ['an empty body', { body: '' }, /^Empty response/],
    ['CSV', { body: csv }, /^Invalid JSON/],
    ['invalid gzip', { body: json, headers: { 'content-encoding': 'gzip' } }, /compressed body is damaged/],
    [
      'truncated gzip',
      { body: gzipSync(json).subarray(0, 20), headers: { 'content-encoding': 'gzip' } },
      /compressed body is incomplete/,
    ],
    [
      'gzip with a wrong checksum',
      {
        body: Buffer.concat([gzipSync(json).subarray(0, -8), Buffer.alloc(8, 1)]),
        headers: { 'content-encoding': 'gzip' },
      },
      /compressed body is damaged/,
    ],
    ['invalid Brotli', { body: json, headers: { 'content-encoding': 'br' } }, /compressed body is damaged/],
    [
      'truncated Brotli',
      { body: brotliCompressSync(json).subarray(0, 12), headers: { 'content-encoding': 'br' } },
      /compressed body is incomplete/,
    ],
    [
      'raw deflate',
      { body: deflateRawSync(json), headers: { 'content-encoding': 'deflate' } },
      /compressed body is damaged/,
    ],
    [
      'zstd, which the client does not accept',
      { body: zstdCompressSync(json), headers: { 'content-encoding': 'zstd' } },
      /content encoding/i,
    ],
    [
      'gzip in gzip',
      { body: gzipSync(gzipSync(json)), headers: { 'content-encoding': 'gzip, gzip' } },
      /content encoding/i,
    ],
    [
      'gzip in gzip with two headers',
      { body: gzipSync(gzipSync(json)), headers: { 'content-encoding': ['gzip', 'gzip'] } },
      /content encoding/i,
    ],
    [
      'gzip in gzip labeled as gzip',
      { body: gzipSync(gzipSync(json)), headers: { 'content-encoding': 'gzip' } },
      /UTF-8/,
    ],
    ...['constructor', '__proto__', 'toString', 'hidden:secret'].map((name): [string, Answer, RegExp] => [
      `an encoding named ${name}`,
      { body: json, headers: { 'content-encoding': name } },
      /content encoding/i,
    ]),
  ])('is rejected: %s', async (_name, answer, message) => {
    const error = await safeErrorOf(fetched('json', answer));
    expect(error.message).toMatch(message);
    expect(error.name).toBe(nameOf(error.message));
  });

  it.each<[string, Answer]>([
    ['a byte order mark', { body: `\ufeff${json}` }],
    ['charset=UTF-8', { body: json, headers: { 'content-type': 'application/json; charset=UTF-8' } }],
    ['ASCII labeled as ISO-8859-1', { body: json, headers: { 'content-type': 'application/json;charset=ISO-8859-1' } }],
    ['no content type', { body: json, headers: { 'content-type': '' } }],
    ['identity', { body: json, headers: { 'content-encoding': 'identity' } }],
    ['gzip', { body: gzipSync(json), headers: { 'content-encoding': ' GZIP ' } }],
    ['deflate', { body: deflateSync(json), headers: { 'content-encoding': 'deflate' } }],
    ['Brotli', { body: brotliCompressSync(json), headers: { 'content-encoding': 'br' } }],
    ['values nested 998 deep', { body: `[{"name":"${ACCOUNT}","a":${deep(998)}}]` }],
  ])('is accepted with %s', async (_name, answer) => {
    const { value } = await fetched('json', answer);
    expect(value).toMatchObject({ records: 1, names: [ACCOUNT] });
  });
});

describe('a CSV body', () => {
  it.each<[string, Answer, RegExp]>([
    ['UTF-16 without a byte order mark', { body: utf16(csv).swap16() }, /^CSV header is not plain UTF-8/],
    ['UTF-16 with a byte order mark', { body: utf16(csv, '\ufeff') }, /^Invalid UTF-8/],
    [
      'UTF-16 with a charset',
      { body: utf16(csv), headers: { 'content-type': 'text/csv; charset=utf-16' } },
      /not UTF-8/,
    ],
    ['two byte order marks', { body: `\ufeff\ufeff${csv}` }, /^CSV header is not plain UTF-8/],
    ['Latin-1', { body: latin1('name,note\nM\xfcller,x\n') }, /^Invalid UTF-8/],
    [
      'a sentence with a comma',
      { body: `Sorry, ${ACCOUNT} is down\n` },
      /no account field in the first line, 2 columns/,
    ],
    [
      'two lines of text',
      { body: `Sorry, we\nare down, ${ACCOUNT}\n` },
      /no account field in the first line, 2 columns/,
    ],
    ['rows without a header', { body: `${ACCOUNT},a,1\nb,b,2\n` }, /no account field in the first line, 3 columns/],
    ['an unclosed quote', { body: `name,note\n"${ACCOUNT},x\n` }, /^Malformed CSV .*\(line/],
    ['a row with too many cells', { body: `name,note\n${ACCOUNT},x,y\n` }, /^Malformed CSV .*\(line 2/],
    ['a row with too few cells', { body: `name,note\n${ACCOUNT}\n` }, /^Malformed CSV .*\(line 2/],
    [
      'a row truncated within its last cell',
      { body: `name,note\n${ACCOUNT},x` },
      /no newline at the end, unlike earlier pages/,
    ],
    ['JSON', { body: json }, /^Text instead of CSV|^Malformed CSV/],
    ['HTML', { body: `<html>${ACCOUNT}</html>` }, /^HTML instead of/],
  ])('is rejected: %s', async (_name, answer, message) => {
    const error = await safeErrorOf(fetched('csv', answer));
    expect(error.message).toMatch(message);
    expect(error.name).toBe(nameOf(error.message));
  });

  it.each([
    ['a repeated column', `name,${ACCOUNT},${ACCOUNT}\n`, /^Repeated CSV column for page 0 .*\(columns 2 and 3\)/],
    ['no names', `engagementScore,x\n0.5,${ACCOUNT}\n`, /^CSV without the column "name" for page 0 .*\(2 columns\)/],
  ])('is rejected for good with %s, which a retry does not change', async (_what, body, message) => {
    const error = await safeErrorOf(fetched('csv', { body }));
    expect(error).toMatchObject({ name: 'ApiRequestError', message: expect.stringMatching(message) });
  });

  it('is rejected for good with 10,001 columns, which a retry does not change', async () => {
    const body = `name${Array.from({ length: 10_000 }, (_, i) => `,c${i}`).join('')}\n`;
    expect(await safeErrorOf(fetched('csv', { body }))).toMatchObject({
      name: 'PlanTooLargeError',
      message: 'Too many CSV columns for page 0 of dataset "engage" (10001, maximum 10000): export as JSON instead.',
    });
  });
});

describe('a response', () => {
  const http = (head: string, body = '') => `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${head}\r\n${body}`;
  const fetchRaw = (bytes: string, then: 'keep' | 'end' | 'reset' = 'keep') =>
    serveRaw((socket) => {
      socket.write(bytes);
      if (then === 'end') socket.end();
      if (then === 'reset') setTimeout(() => socket.resetAndDestroy(), 5);
    }).then((url) => client(url, { limits: { maxRequests: 1, totalTimeoutMs: 400 } }).fetchPage(query(), decodeJson));

  it.each<[string, string, 'keep' | 'end' | 'reset', RegExp]>([
    ['shorter than its length', http('content-length: 100\r\n', json), 'end', /incomplete|connection closed/],
    ['longer than its length', http('content-length: 5\r\n', json), 'keep', /^Invalid JSON/],
    ['cut by a reset', http('content-length: 100\r\n', json), 'reset', /connection (?:reset|closed)/],
    ['chunked without an end', http('transfer-encoding: chunked\r\n', '5\r\n[{"na\r\n'), 'end', /connection closed/],
    ['chunked with an invalid size', http('transfer-encoding: chunked\r\n', 'zz\r\n'), 'keep', /is not HTTP/],
    [
      'with two lengths',
      http('content-length: 2\r\ncontent-length: 3\r\n', '[]'),
      'keep',
      /connection closed|is incomplete|is not HTTP/,
    ],
    ['with a negative length', http('content-length: -1\r\n', '[]'), 'keep', /is not HTTP/],
    ['that is not HTTP', `${ACCOUNT}\r\n\r\n`, 'keep', /is not HTTP/],
    ['without a byte', '', 'end', /connection closed/],
    ['with headers of 100 kB', http(`x: ${'a'.repeat(100_000)}\r\n`, '[]'), 'keep', /headers are too long/],
    [
      'with a switch of protocols',
      'HTTP/1.1 101 Switching\r\nupgrade: hidden\r\nconnection: upgrade\r\n\r\n',
      'keep',
      /Cannot fetch/,
    ],
  ])('is rejected: %s', async (_name, bytes, then, message) => {
    const error = await safeErrorOf(fetchRaw(bytes, then));
    expect(error.message).toMatch(message);
    expect(error.transient).toBe(!/is not HTTP|headers are too long/.test(error.message) || /size|length/.test(_name));
  });

  it.each([
    ['9'.repeat(400), 'ApiWaitError'],
    ['1e309', 'ApiThrottledError'],
    ['a'.repeat(4000), 'ApiThrottledError'],
    ['-1', 'ApiThrottledError'],
    ['0x10', 'ApiThrottledError'],
    ['\u00ff', 'ApiThrottledError'],
  ])('with Retry-After %.20s does not delay the call beyond its retry budget', async (retryAfter, name) => {
    const url = await serveHttp((_request, response) => response.writeHead(429, { 'retry-after': retryAfter }).end());
    const startedAt = Date.now();
    const error = await safeErrorOf(client(url).fetchPage(query(), decodeJson));
    expect(error.name).toBe(name);
    expect(Date.now() - startedAt).toBeLessThan(2000);
  });

  it('with an error status is not read', async () => {
    let written = 0;
    const flood = (response: ServerResponse) => {
      while (response.write(Buffer.alloc(65_536)) && written < 1e9) written += 65_536;
      response.once('drain', () => flood(response));
    };
    let cut: Promise<unknown> | undefined;
    const url = await serveHttp((_request, response) => {
      cut = once(response, 'close');
      response.writeHead(500);
      flood(response);
    });
    const error = await safeErrorOf(client(url, { limits: { maxRequests: 1 } }).fetchPage(query(), decodeJson));
    expect(error.message).toContain('500 Internal Server Error');
    await cut;
    expect(written).toBeLessThan(20_000_000);
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('with %i is not followed, so no other host gets the key', async (status) => {
    const seen: unknown[] = [];
    const elsewhere = await serveHttp((request, response) => {
      seen.push(request.headers.authorization);
      response.end('[]');
    });
    const url = await serveHttp((_request, response) => {
      response.writeHead(status, { location: `${elsewhere}/hidden`, refresh: `0;url=${elsewhere}` }).end('[]');
    });
    const error = await safeErrorOf(client(url).fetchPage(query(), decodeJson));
    expect(error).toMatchObject({ name: 'ApiRequestError', usage: { apiRequests: 1 } });
    expect(error.message).toContain('Redirects are not followed');
    expect(seen).toEqual([]);
  });
});
