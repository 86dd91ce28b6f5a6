/** Bodies that are not what was asked for: each ends with a name and a sentence that shows nothing of it. */
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
  const api = client(url, { limits: { tries: 1, totalTimeoutMs: 5000 } });
  const ask = query({ endpoint });
  return endpoint === 'json'
    ? api.fetchPage(ask, decodeJson)
    : api.fetchPage(ask, (bytes) => decodeCsv(bytes, { finalNewline: true }));
}

const deep = (levels: number, [open, close]: readonly [string, string] = ['[', ']']) =>
  open.repeat(levels) + close.repeat(levels);

describe('a JSON body', () => {
  it.each<[string, Answer, RegExp]>([
    ['lists 10,000 deep', { body: `[{"a":${deep(10_000)}}]` }, /nested deeper than 1000 levels/],
    ['lists 1,000,000 deep', { body: deep(1_000_000) }, /nested deeper than 1000 levels/],
    ['lists 1,000,000 deep that never close', { body: '['.repeat(1_000_000) }, /nested deeper than 1000 levels/],
    ['objects 100,000 deep', { body: `[${deep(100_000, ['{"a":', '}'])}]` }, /nested deeper than 1000 levels/],
    ['a text that never ends', { body: `[{"name":"${ACCOUNT}` }, /not valid JSON: it seems to have broken off/],
    ['a text that ends in a backslash', { body: `[{"name":"${ACCOUNT}\\` }, /not valid JSON/],
    ['bytes that are no UTF-8', { body: Buffer.from('5b7b226e616d65223a22c328227d5d', 'hex') }, /not valid UTF-8/],
    ['a letter cut in two', { body: Buffer.from('5b7b226e616d65223a22c3', 'hex') }, /not valid UTF-8/],
    ['an overlong slash', { body: Buffer.from('5b7b226e616d65223a22c0af227d5d', 'hex') }, /not valid UTF-8/],
    ['half a surrogate pair as bytes', { body: Buffer.from('5b22eda080225d', 'hex') }, /not valid UTF-8/],
    ['UTF-16 with a mark', { body: utf16(json, '\ufeff') }, /not valid UTF-8/],
    ['UTF-16 without', { body: utf16(json) }, /not valid JSON/],
    [
      'UTF-16 that says so',
      { body: utf16(json, '\ufeff'), headers: { 'content-type': 'application/json; charset=utf-16' } },
      /came in another charset than UTF-8/,
    ],
    ['Latin-1', { body: latin1('[{"name":"M\xfcller"}]') }, /not valid UTF-8/],
    [
      'Latin-1 whose bytes happen to be UTF-8',
      { body: latin1('[{"name":"\xc3\xa9"}]'), headers: { 'content-type': 'application/json;charset="ISO-8859-1"' } },
      /came in another charset than UTF-8/,
    ],
    [
      'a charset that nobody knows',
      { body: json, headers: { 'content-type': 'application/json; charset=hidden' } },
      /came in another charset than UTF-8/,
    ],
    ['two marks', { body: `\ufeff\ufeff${json}` }, /not valid JSON/],
    ['a number for a record', { body: '[1]' }, /Record 0 of the API's answer is a number/],
    ['null for a record', { body: '[{},null]' }, /Record 1 of the API's answer is null/],
    ['a list for a record', { body: `[["${ACCOUNT}"]]` }, /Record 0 of the API's answer is an array/],
    ['a text for a record', { body: `[{},{},"${ACCOUNT}"]` }, /Record 2 of the API's answer is a string/],
    ['an object around the records', { body: `{"accounts":${json}}` }, /is an object where an array/],
    ['null', { body: 'null' }, /is null where an array/],
    ['two arrays', { body: `${json}${json}` }, /not valid JSON/],
    ['JSON lines', { body: `{"name":"${ACCOUNT}"}\n{"name":"b"}\n` }, /not valid JSON/],
    ['NaN', { body: '[{"engagementScore":NaN}]' }, /not valid JSON/],
    ['a web page that says it is JSON', { body: `<html>${ACCOUNT}</html>` }, /looks like a web page/],
    [
      'a web page whose type brings the key back',
      { body: ACCOUNT, headers: { 'content-type': 'text/html; x=hidden:secret' } },
      /came as "text\/html" with status 200 where JSON was asked for/,
    ],
    ['nothing', { body: '' }, /an empty body where JSON was asked for/],
    ['CSV', { body: csv }, /not valid JSON/],
    ['no gzip that says it is', { body: json, headers: { 'content-encoding': 'gzip' } }, /compressed body is damaged/],
    [
      'gzip that breaks off',
      { body: gzipSync(json).subarray(0, 20), headers: { 'content-encoding': 'gzip' } },
      /compressed body broke off/,
    ],
    [
      'gzip with a wrong checksum',
      {
        body: Buffer.concat([gzipSync(json).subarray(0, -8), Buffer.alloc(8, 1)]),
        headers: { 'content-encoding': 'gzip' },
      },
      /compressed body is damaged/,
    ],
    ['no Brotli that says it is', { body: json, headers: { 'content-encoding': 'br' } }, /compressed body is damaged/],
    [
      'Brotli that breaks off',
      { body: brotliCompressSync(json).subarray(0, 12), headers: { 'content-encoding': 'br' } },
      /compressed body broke off/,
    ],
    [
      'deflate without its envelope',
      { body: deflateRawSync(json), headers: { 'content-encoding': 'deflate' } },
      /compressed body is damaged/,
    ],
    [
      'zstd, which was not asked for',
      { body: zstdCompressSync(json), headers: { 'content-encoding': 'zstd' } },
      /content encoding that was not asked for: gzip, deflate, br were, once each/,
    ],
    [
      'gzip in gzip',
      { body: gzipSync(gzipSync(json)), headers: { 'content-encoding': 'gzip, gzip' } },
      /content encoding that was not asked for/,
    ],
    [
      'gzip in gzip that says so twice',
      { body: gzipSync(gzipSync(json)), headers: { 'content-encoding': ['gzip', 'gzip'] } },
      /content encoding that was not asked for/,
    ],
    [
      'gzip in gzip that says so once',
      { body: gzipSync(gzipSync(json)), headers: { 'content-encoding': 'gzip' } },
      /UTF-8/,
    ],
    ...['constructor', '__proto__', 'toString', 'hidden:secret'].map((name): [string, Answer, RegExp] => [
      `an encoding called ${name}`,
      { body: json, headers: { 'content-encoding': name } },
      /content encoding that was not asked for/,
    ]),
  ])('is refused: %s', async (_name, answer, message) => {
    const error = await safeErrorOf(fetched('json', answer));
    expect(error.message).toMatch(message);
    expect(error.transient).toBe(true);
  });

  it.each<[string, Answer]>([
    ['a byte order mark', { body: `\ufeff${json}` }],
    ['charset=UTF-8', { body: json, headers: { 'content-type': 'application/json; charset=UTF-8' } }],
    [
      "a servlet's charset over ASCII",
      { body: json, headers: { 'content-type': 'application/json;charset=ISO-8859-1' } },
    ],
    ['no content type', { body: json, headers: { 'content-type': '' } }],
    ['identity', { body: json, headers: { 'content-encoding': 'identity' } }],
    ['gzip', { body: gzipSync(json), headers: { 'content-encoding': ' GZIP ' } }],
    ['deflate', { body: deflateSync(json), headers: { 'content-encoding': 'deflate' } }],
    ['Brotli', { body: brotliCompressSync(json), headers: { 'content-encoding': 'br' } }],
    ['values 998 deep', { body: `[{"name":"${ACCOUNT}","a":${deep(998)}}]` }],
  ])('is taken with %s', async (_name, answer) => {
    const { value } = await fetched('json', answer);
    expect(value).toMatchObject({ records: 1, identities: [ACCOUNT] });
  });
});

describe('a CSV body', () => {
  it.each<[string, Answer, RegExp]>([
    ['UTF-16 without a mark, whose bytes are UTF-8', { body: utf16(csv).swap16() }, /encoding is not UTF-8/],
    ['UTF-16 with a mark', { body: utf16(csv, '\ufeff') }, /not valid UTF-8/],
    [
      'UTF-16 that says so',
      { body: utf16(csv), headers: { 'content-type': 'text/csv; charset=utf-16' } },
      /came in another charset than UTF-8/,
    ],
    ['two marks', { body: `\ufeff\ufeff${csv}` }, /encoding is not UTF-8/],
    ['Latin-1', { body: latin1('name,note\nM\xfcller,x\n') }, /not valid UTF-8/],
    [
      'an apology with a comma in it',
      { body: `Sorry, ${ACCOUNT} is down\n` },
      /2 columns, and none that accounts have/,
    ],
    ['an apology of two lines', { body: `Sorry, we\nare down, ${ACCOUNT}\n` }, /2 columns, and none that/],
    ['rows without a header', { body: `${ACCOUNT},a,1\nb,b,2\n` }, /3 columns, and none that accounts have/],
    [
      'rows without a header, two alike',
      { body: `name,${ACCOUNT},${ACCOUNT}\n` },
      /names a column twice, as number 2 and number 3/,
    ],
    ['a quote that never closes', { body: `name,note\n"${ACCOUNT},x\n` }, /malformed at line/],
    ['a row too long', { body: `name,note\n${ACCOUNT},x,y\n` }, /malformed at line 2/],
    ['a row too short', { body: `name,note\n${ACCOUNT}\n` }, /malformed at line 2/],
    ['a row cut within its last cell', { body: `name,note\n${ACCOUNT},x` }, /does not end in a newline/],
    ['JSON', { body: json }, /not CSV|malformed/],
    [
      '10,001 columns',
      { body: `name${Array.from({ length: 10_000 }, (_, i) => `,c${i}`).join('')}\n` },
      /10001 columns; up to 10000/,
    ],
    ['a web page', { body: `<html>${ACCOUNT}</html>` }, /looks like a web page/],
  ])('is refused: %s', async (_name, answer, message) => {
    const error = await safeErrorOf(fetched('csv', answer));
    expect(error.message).toMatch(message);
    expect(error.name).toBe('ApiAnswerError');
  });
});

describe('an answer', () => {
  const http = (head: string, body = '') => `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${head}\r\n${body}`;
  const fetchRaw = (bytes: string, then: 'keep' | 'end' | 'reset' = 'keep') =>
    serveRaw((socket) => {
      socket.write(bytes);
      if (then === 'end') socket.end();
      if (then === 'reset') setTimeout(() => socket.resetAndDestroy(), 5);
    }).then((url) => client(url, { limits: { tries: 1, totalTimeoutMs: 400 } }).fetchPage(query(), decodeJson));

  it.each<[string, string, 'keep' | 'end' | 'reset', RegExp]>([
    ['shorter than announced', http('content-length: 100\r\n', json), 'end', /the body broke off|connection broke off/],
    ['longer than announced', http('content-length: 5\r\n', json), 'keep', /not valid JSON/],
    ['cut by a reset', http('content-length: 100\r\n', json), 'reset', /connection was reset|broke off/],
    ['chunked without an end', http('transfer-encoding: chunked\r\n', '5\r\n[{"na\r\n'), 'end', /broke off/],
    ['chunked with a size that is none', http('transfer-encoding: chunked\r\n', 'zz\r\n'), 'keep', /was not HTTP/],
    ['with two lengths', http('content-length: 2\r\ncontent-length: 3\r\n', '[]'), 'keep', /broke off|was not HTTP/],
    ['with a length below nothing', http('content-length: -1\r\n', '[]'), 'keep', /was not HTTP/],
    ['that is not HTTP', `${ACCOUNT}\r\n\r\n`, 'keep', /was not HTTP/],
    ['that ends without a word', '', 'end', /connection broke off/],
    ['with headers of 100 kB', http(`x: ${'a'.repeat(100_000)}\r\n`, '[]'), 'keep', /headers were longer/],
    [
      'that asks to switch protocols',
      'HTTP/1.1 101 Switching\r\nupgrade: hidden\r\nconnection: upgrade\r\n\r\n',
      'keep',
      /could not be fetched/,
    ],
  ])('is refused: %s', async (_name, bytes, then, message) => {
    const error = await safeErrorOf(fetchRaw(bytes, then));
    expect(error.message).toMatch(message);
    expect(error.transient).toBe(true);
  });

  it.each(['9'.repeat(400), '1e309', `${'a'.repeat(4000)}`, '-1', '0x10', '\u00ff'])(
    'that asks for a wait of %.20s is not waited for beyond the time there is',
    async (retryAfter) => {
      const url = await serveHttp((_request, response) => response.writeHead(429, { 'retry-after': retryAfter }).end());
      const startedAt = Date.now();
      const error = await safeErrorOf(client(url).fetchPage(query(), decodeJson));
      expect(error.name).toBe('ApiThrottledError');
      expect(Date.now() - startedAt).toBeLessThan(2000);
    },
  );

  it('of another status is not read, however long it is', async () => {
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
    const error = await safeErrorOf(client(url, { limits: { tries: 1 } }).fetchPage(query(), decodeJson));
    expect(error.message).toContain('was answered with 500');
    await cut;
    expect(written).toBeLessThan(20_000_000);
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('with %i is not followed: no other host sees the key', async (status) => {
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
    expect(error.message).toContain('not followed lest the key goes elsewhere');
    expect(seen).toEqual([]);
  });
});
