/** Hostile servers, and the real client for them. */
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { type ExportError, isExportError } from '../../functions/model/errors.ts';
import type { PageQuery } from '../../functions/model/run.ts';
import { type AccountsApiOptions, createAccountsApi } from '../../functions/personalization/accounts-api.ts';

/** Must not appear in messages. */
export const KEY = { keyId: 'hidden-id', secret: 'hidden:secret' };
/** Part of hostile bodies; must not appear in messages. */
export const ACCOUNT = 'hidden account';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** An HTTP server that closes after the test. */
export async function serveHttp(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return addressOf(server);
}

/** A TCP server that calls `onRequest` for each HTTP request; closes after the test. */
export async function serveRaw(onRequest: (socket: Socket, nth: number) => void): Promise<string> {
  const sockets = new Set<Socket>();
  let requests = 0;
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      if (data.includes('\r\n\r\n')) onRequest(socket, ++requests);
    });
  });
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return addressOf(server);
}

/** Writes `piece` repeatedly until the connection closes. */
export function drip(socket: Socket, piece: string, everyMs = 10): void {
  const timer = setInterval(() => socket.write(piece), everyMs);
  socket.once('close', () => clearInterval(timer));
}

async function addressOf(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The real client without waits between retries; closed after the test. */
export function client(baseUrl: string, options: Partial<AccountsApiOptions> = {}) {
  const api = createAccountsApi({
    baseUrl,
    credentials: { get: async () => KEY },
    sleep: async () => undefined,
    ...options,
  });
  closing.push(() => api.close());
  return api;
}

export const query = (more: Partial<PageQuery> = {}): PageQuery => ({
  datasetId: 'engage',
  endpoint: 'json',
  pageSize: 10,
  page: 0,
  ...more,
});

/** The `ExportError` that `work` fails with, if its message is safe. */
export async function safeErrorOf(work: Promise<unknown>): Promise<ExportError> {
  const error = await work.then(
    () => new Error('No error was thrown'),
    (thrown: unknown) => thrown,
  );
  if (!isExportError(error)) throw error;
  checkMessage(error.message);
  return error;
}

/** Fails for a message that is long, not printable, or contains a secret or account data. */
export function checkMessage(message: string): void {
  const hidden = [ACCOUNT, 'hidden', KEY.secret, Buffer.from(`${KEY.keyId}:${KEY.secret}`).toString('base64')];
  const leak = hidden.find((secret) => message.includes(secret));
  if (leak !== undefined) throw new Error(`The message contains ${leak}: ${message.slice(0, 300)}`);
  if (message.length > 500) throw new Error(`The message has ${message.length} characters`);
  if (/[^\x20-\x7e…]/.test(message))
    throw new Error(`The message has unprintable characters: ${JSON.stringify(message)}`);
  if (!message.endsWith('.')) throw new Error(`The message does not end with a period: ${message}`);
}
