/** `doctor` with a server that does not answer, or too slowly. */
import { afterEach, expect, it, vi } from 'vitest';
import type { Finding } from '../../cli/terminal/findings.ts';
import { serveHttp } from '../hostile/servers.ts';
import { commandLine } from '../support/command-line.ts';

const SHORTER = 60;
const { timeout } = AbortSignal;
afterEach(() => void vi.restoreAllMocks());

it.each<[string, Parameters<typeof serveHttp>[0]]>([
  ['hangs', () => undefined],
  [
    'sends its body slowly',
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('[');
      const drip = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(drip));
    },
  ],
])('doctor gives up on a server that %s after half a minute, and advises no smaller pages', async (_name, listener) => {
  const timeouts: number[] = [];
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    timeouts.push(ms);
    return timeout.call(AbortSignal, Math.round(ms / SHORTER));
  });
  const url = await serveHttp(listener);
  const { code, stdout, stderr } = await commandLine(['doctor', '--api-url', url, '--dataset', 'engage', '--json']);
  const failed = (JSON.parse(stdout) as Finding[]).filter(({ status }) => status === 'fail');
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(failed).toMatchObject([
    { detail: expect.stringContaining('timed out after 35 s'), remedy: 'When the API responds faster, check again.' },
  ]);
  expect(new Set(timeouts)).toEqual(new Set([35_000]));
});
