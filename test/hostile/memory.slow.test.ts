/**
 * Memory for hostile bodies, measured in a separate process with the default limits. *Export page* has 1,024 MB; the
 * assertions leave room for its runtime.
 */
import { execFile } from 'node:child_process';
import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import type { Outcome } from './fetch-one.ts';
import { checkMessage, serveHttp } from './servers.ts';

vi.setConfig({ testTimeout: 300_000 });

const MIB = 1024 * 1024;

async function fetchInProcess(
  format: 'json' | 'csv' | 'parquet',
  answer: (response: ServerResponse) => void,
  pageSize = 1000,
  times = 1,
): Promise<Outcome> {
  const url = await serveHttp((_request, response) => answer(response));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--max-old-space-size=900', 'test/hostile/fetch-one.ts', url, format, String(pageSize), String(times)],
    { timeout: 600_000 },
  );
  const outcome = JSON.parse(stdout) as Outcome;
  if (outcome.error !== null) checkMessage(outcome.message);
  if (process.env.SHOW_MEMORY) console.log(expect.getState().currentTestName, outcome);
  return outcome;
}

function flood(response: ServerResponse, mib: number, fill = ' '): void {
  const piece = Buffer.alloc(MIB, fill);
  let left = mib;
  const more = (): void => {
    while (left-- > 0) {
      if (response.write(piece)) continue;
      response.once('drain', more);
      return;
    }
    response.end();
  };
  more();
}

describe('a body of 200 MB takes less than 250 MB and is rejected', () => {
  it.each<[string, 'json' | 'csv', (response: ServerResponse) => void]>([
    ['chunked', 'json', (response) => flood(response, 200)],
    ['chunked CSV', 'csv', (response) => flood(response, 200, 'a')],
    [
      'with Content-Length',
      'json',
      (response) => {
        response.setHeader('content-length', 200 * MIB);
        flood(response, 200);
      },
    ],
    [
      'without length or chunks',
      'json',
      (response) => {
        response.useChunkedEncodingByDefault = false;
        response.removeHeader('transfer-encoding');
        response.setHeader('connection', 'close');
        flood(response, 200);
      },
    ],
  ])('%s', async (_name, format, answer) => {
    const outcome = await fetchInProcess(format, answer);
    expect(outcome).toMatchObject({
      error: 'PageTooLargeError',
      message: expect.stringContaining('start a new run with pageSize'),
    });
    expect(outcome.maxRssMb).toBeLessThan(250);
  });
});

describe('a small body that expands to 256 MB takes less than 250 MB and is rejected', () => {
  const zeros = Buffer.alloc(256 * MIB);
  const quick = { level: 1 };
  it.each<[string, () => Buffer]>([
    ['gzip', () => gzipSync(zeros, quick)],
    ['deflate', () => deflateSync(zeros, quick)],
    ['br', () => brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ])('%s', async (encoding, pack) => {
    const bomb = pack();
    expect(bomb.length).toBeLessThan(2 * MIB);
    const outcome = await fetchInProcess('json', (response) => {
      response.setHeader('content-encoding', encoding);
      response.end(bomb);
    });
    expect(outcome).toMatchObject({
      error: 'PageTooLargeError',
      message:
        'Response over 32 MiB for page 0 of dataset "engage" (1000 accounts requested): start a new run with pageSize 500.',
    });
    expect(outcome.maxRssMb).toBeLessThan(250);
  });
});

const LIMIT = 32 * MIB;
/** A body of the maximum size that repeats `piece`. */
const filled = (start: string, piece: string, end: string) =>
  Buffer.concat([
    Buffer.from(start),
    Buffer.alloc(Math.floor((LIMIT - start.length - end.length) / piece.length) * piece.length, piece),
    Buffer.from(end),
  ]);

describe('a body that would take too much memory is rejected before it is parsed', () => {
  it.each<[string, 'json' | 'csv', Buffer, string]>([
    [
      'empty objects',
      'json',
      filled('[', '{},', '{}]'),
      'more than 500000 objects and arrays for page 0 of dataset "engage" (1000 accounts requested): start a new run with pageSize 500',
    ],
    ['empty arrays in an account', 'json', filled('[{"a":[', '[],', '[]]}]'), 'more than 500000 objects and arrays'],
    ['numbers', 'json', filled('[{"a":[', '1,', '1]}]'), 'more than 2500000 values'],
    ['nested arrays', 'json', filled('', '[', ''), 'nested deeper than 1000 levels'],
    ['rows of two empty cells', 'csv', filled('name,note\n', ',\n', ''), 'more than 500000 lines'],
    ['columns', 'csv', filled('name', ',', '\n'), 'more than 2500000 cells'],
    ['lines that end with CR', 'csv', filled('name\r', 'a\r', ''), 'more than 500000 lines'],
  ])('%s', async (_name, format, body, message) => {
    const outcome = await fetchInProcess(format, (response) => response.end(body));
    expect(outcome.message).toContain(message);
    expect(outcome.maxRssMb).toBeLessThan(350);
  });
});

describe('a body just within all limits takes less than 800 MB', () => {
  const numbered = (count: number, one: (i: number) => string, separator: string) =>
    Array.from({ length: count }, (_, i) => one(i)).join(separator);
  it.each<[string, 'json' | 'csv' | 'parquet', () => string]>([
    [
      'accounts with different fields',
      'json',
      () => `[${numbered(499_000, (i) => `{"f${i}":"${'x'.repeat(48)}"}`, ',')}]`,
    ],
    ['a space between all tokens', 'json', () => `[{"a":[${'1 , '.repeat(2_400_000)}1]}]`],
    ['attributes that become text', 'json', () => `[{"attributes":{"a":["${'\\"'.repeat(15_000_000)}"]}}]`],
    [
      '10,000 accounts with 150 different attributes',
      'parquet',
      () => {
        const attributes = (account: number) => numbered(150, (i) => `"k${i}":"${account * 150 + i} of it"`, ',');
        return `[${numbered(10_000, (i) => `{"name":"${i}","attributes":{${attributes(i)}}}`, ',')}]`;
      },
    ],
    ['rows of five cells', 'csv', () => `name,a,b,c,d\n${'acme,b,c,d,e\n'.repeat(499_000)}`],
  ])('%s', async (_name, format, make) => {
    const body = Buffer.from(make());
    expect(body.length).toBeLessThan(LIMIT);
    const outcome = await fetchInProcess(format, (response) => response.end(body), 500_000);
    expect(outcome.error).toBeNull();
    expect(outcome.maxRssMb).toBeLessThan(800);
  });
});

describe('eight concurrent probes, as in Plan export with 1,024 MB,', () => {
  it('take less than 300 MB if each response has 200 MB', async () => {
    const outcome = await fetchInProcess('json', (response) => flood(response, 200), 1, 8);
    expect(outcome.message).toBe(
      'One account of dataset "engage" is too large (response over 32 MiB; position 0 in the list that the API returns, counted from 0): start a new run with a segment that does not contain it.',
    );
    expect(outcome.maxRssMb).toBeLessThan(300);
  });

  it('take less than 450 MB if each response is just within the limit', async () => {
    const body = Buffer.from(`[{${Array.from({ length: 195_000 }, (_, i) => `"${i}":1`).join(',')}}]`);
    expect(body.length).toBeGreaterThan(1.8 * MIB);
    const outcome = await fetchInProcess('json', (response) => response.end(body), 1, 8);
    expect(outcome).toMatchObject({ error: null, records: 1 });
    expect(outcome.maxRssMb).toBeLessThan(450);
  });

  it('take less than 800 MB if each response is one account of 31 MB', async () => {
    const body = Buffer.from(`[{"name":"Acme","attributes":{"note":"${'x'.repeat(31 * 1000 * 1000)}"}}]`);
    const outcome = await fetchInProcess('json', (response) => response.end(body), 1, 8);
    expect(outcome).toMatchObject({ error: null, records: 1 });
    expect(outcome.maxRssMb).toBeLessThan(800);
  });
});
