/** Answers that never end: no idle timeout ends them, since something always comes; the total one does. */
import { createGzip } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeCsv } from '../../functions/formats/csv.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { client, drip, query, safeErrorOf, serveHttp, serveRaw } from './servers.ts';

/** Only the total timeout is short. */
const limits = { tries: 4, retryBudgetMs: 100, totalTimeoutMs: 300, headersTimeoutMs: 60_000, bodyTimeoutMs: 60_000 };
const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;

describe('an answer that drips is cut by the total timeout, in one try', () => {
  it.each<[string, string, string]>([
    ['a byte of body at a time', `${OK}content-length: 1000000\r\n\r\n[`, ' '],
    ['a chunk at a time', CHUNKED, '1\r\n \r\n'],
    ['a chunk that never gets its size', CHUNKED, '0'],
    ['an extension of a chunk', `${CHUNKED}1;`, 'x'],
    ['trailers', `${CHUNKED}2\r\n[]\r\n0\r\n`, 'a: b\r\n'],
    ['a header', OK, 'x'],
    ['headers', OK, 'a: b\r\n'],
    ['a status line', 'H', ''],
    ['notes that it is not done yet', '', 'HTTP/1.1 102 Processing\r\n\r\n'],
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
    expect(error.message).toContain('it took longer than 0.3 s');
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
    expect(error.message).toContain('it took longer than 0.3 s');
  });
});

it('headers without an end are refused for their length when they come fast', async () => {
  const url = await serveRaw((socket) => {
    socket.write(OK);
    drip(socket, `x: ${'a'.repeat(5000)}\r\n`, 1);
  });
  const error = await safeErrorOf(
    client(url, { limits: { ...limits, totalTimeoutMs: 10_000, tries: 1 } }).fetchPage(query(), decodeJson),
  );
  expect(error.message).toContain('its headers were longer than any should be');
});

it('a stop from outside ends a drip at once', async () => {
  const url = await serveRaw((socket) => {
    socket.write(CHUNKED);
    drip(socket, '1\r\n \r\n');
  });
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 50);
  const startedAt = Date.now();
  const error = await safeErrorOf(
    client(url, { limits: { totalTimeoutMs: 60_000 } }).fetchPage(query(), decodeJson, stop.signal),
  );
  expect(Date.now() - startedAt).toBeLessThan(1000);
  expect(error.message).toContain('was given up before the API had answered');
});
