import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sfnExecutions } from '../../functions/aws/sfn-executions.ts';

const arnOf = (name: string) => `arn:aws:states:us-east-1:111111111111:execution:exports:${name}`;

/** By name of the execution. */
const ANSWERS: Record<string, [number, object]> = {
  ...Object.fromEntries(
    ['RUNNING', 'SUCCEEDED', 'FAILED', 'ABORTED', 'TIMED_OUT'].map((status) => [
      status,
      [200, { executionArn: arnOf(status), status, startDate: 1787364000 }],
    ]),
  ),
  gone: [400, { __type: 'ExecutionDoesNotExist', message: 'hidden' }],
  busy: [400, { __type: 'ThrottlingException', message: 'hidden' }],
  forbidden: [400, { __type: 'AccessDeniedException', message: 'hidden' }],
};

const LONG_AGO = '2026-08-22T02:00:00.000Z';

describe('sfnExecutions', () => {
  const asked: Record<string, string>[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const input = JSON.parse(Buffer.concat(chunks).toString()) as { executionArn: string };
    asked.push(input);
    const [status, body] = ANSWERS[input.executionArn.split(':').at(-1) ?? ''] ?? [500, {}];
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(body));
  });
  let client: SFNClient;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    client = new SFNClient({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      maxAttempts: 1,
    });
  });

  afterAll(() => {
    client.destroy();
    server.close();
  });

  it.each([
    ['RUNNING', true],
    ['SUCCEEDED', false],
    ['FAILED', false],
    ['ABORTED', false],
    ['TIMED_OUT', false],
    ['gone', false],
  ])('returns for an execution that is %s: %s', async (name, running) => {
    expect(await sfnExecutions(client).isRunning(arnOf(name), LONG_AGO)).toBe(running);
  });

  it('treats an unknown execution that has just started as running', async () => {
    const justNow = new Date(Date.now() - 60_000).toISOString();
    expect(await sfnExecutions(client).isRunning(arnOf('gone'), justNow)).toBe(true);
  });

  it('does not request the data of executions', () => {
    expect(new Set(asked.map(({ includedData }) => includedData))).toEqual(new Set(['METADATA_ONLY']));
  });

  it('treats a local run as not running without a request', async () => {
    const before = asked.length;
    expect(await sfnExecutions(client).isRunning('local/host/17/uuid', LONG_AGO)).toBe(false);
    expect(asked).toHaveLength(before);
  });

  it('reports throttling as transient', async () => {
    await expect(sfnExecutions(client).isRunning(arnOf('busy'), LONG_AGO)).rejects.toMatchObject({
      name: 'StorageError',
      transient: true,
      message: expect.stringContaining(
        'Looking up execution busy, which holds the lock of the export, failed (ThrottlingException): transient AWS error',
      ),
    });
  });

  it('reports missing permissions', async () => {
    await expect(sfnExecutions(client).isRunning(arnOf('forbidden'), LONG_AGO)).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining(
        'Looking up execution forbidden, which holds the lock of the export, failed (AccessDeniedException)',
      ),
    });
  });
});
