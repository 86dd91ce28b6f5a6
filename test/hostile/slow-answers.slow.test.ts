/** Responses that never end: idle timeouts do not apply, because bytes keep arriving. */
import { createGzip } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeCsv } from '../../functions/formats/csv.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { client, drip, query, safeErrorOf, serveHttp, serveRaw } from './servers.ts';

/** Only the total timeout is short. */
const limits = {
  maxRequests: 4,
  retryWindowMs: 100,
  totalTimeoutMs: 300,
  headersTimeoutMs: 60_000,
  bodyTimeoutMs: 60_000,
};
const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;

describe('the total timeout ends a slow response without a retry', () => {
  it.each<[string, string, string]>([
    ['one byte of the body at a time', `${OK}content-length: 1000000\r\n\r\n[`, ' '],
    ['one chunk at a time', CHUNKED, '1\r\n \r\n'],
    ['an endless chunk size', CHUNKED, '0'],
    ['an endless chunk extension', `${CHUNKED}1;`, 'x'],
    ['trailers', `${CHUNKED}2\r\n[]\r\n0\r\n`, 'a: b\r\n'],
    ['an endless header', OK, 'x'],
    ['headers', OK, 'a: b\r\n'],
    ['an incomplete status line', 'H', ''],
    ['endless 102 responses', '', 'HTTP/1.1 102 Processing\r\n\r\n'],
  ])('%s', async (_name, start, piece) => {
    let requests = 0;
    const url = await serveRaw((socket) => {
      requests++;
      socket.write(start);
      drip(socket, piece);
    });
    const startedAt = Date.now();
    const error = await safeErrorOf(client(url, { limits }).fetchPage(query(), decodeJson));
    expect(Date.now() - startedAt).toBeLessThan(2000);
    expect(error.name).toBe('ApiUnavailableError');
    expect(error.message).toContain('timed out after 0.3 s');
    expect(requests).toBe(1);
  });

  it('a compressed body', async () => {
    const url = await serveHttp((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      const pack = createGzip();
      pack.pipe(response);
      const timer = setInterval(() => {
        pack.write(' ');
        pack.flush();
      }, 10);
      response.once('close', () => clearInterval(timer));
    });
    const ask = query({ endpoint: 'csv' });
    const error = await safeErrorOf(
      client(url, { limits }).fetchPage(ask, (body) => decodeCsv(body, { finalNewline: true })),
    );
    expect(error.message).toContain('timed out after 0.3 s');
  });
});

it('endless headers fail at the header limit', async () => {
  const url = await serveRaw((socket) => {
    socket.write(OK);
    drip(socket, `x: ${'a'.repeat(5000)}\r\n`, 1);
  });
  const error = await safeErrorOf(
    client(url, { limits: { ...limits, totalTimeoutMs: 10_000, maxRequests: 1 } }).fetchPage(query(), decodeJson),
  );
  expect(error.message).toContain('the response headers are too long');
});

it('an abort ends a slow response at once', async () => {
  const url = await serveRaw((socket) => {
    socket.write(CHUNKED);
    drip(socket, '1\r\n \r\n');
  });
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 50);
  const startedAt = Date.now();
  const error = await safeErrorOf(
    client(url, { limits: { totalTimeoutMs: 60_000 } }).fetchPage(query(), decodeJson, { signal: stop.signal }),
  );
  expect(Date.now() - startedAt).toBeLessThan(1000);
  expect(error).toMatchObject({ name: 'ApiUnavailableError', usage: { recordsFetched: 10 } });
});
