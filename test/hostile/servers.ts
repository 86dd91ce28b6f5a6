/** Small servers that mean no good, and the real client against them. */
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { type ExportError, isExportError } from '../../functions/model/errors.ts';
import type { PageQuery } from '../../functions/model/page-query.ts';
import { type AccountsApiOptions, createAccountsApi } from '../../functions/personalization/accounts-api.ts';

/** Never to be seen in a sentence. */
export const KEY = { keyId: 'hidden-id', secret: 'hidden:secret' };
/** In every hostile body that holds a text: never to be seen in a sentence either. */
export const ACCOUNT = 'hidden account';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** An HTTP server; gone after the test. */
export async function serveHttp(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return addressOf(server);
}

/** Bytes on a socket, from the moment a request has come; gone after the test. */
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

/** Writes a piece every few milliseconds until the other side has gone. */
export function drip(socket: Socket, piece: string, everyMs = 10): void {
  const timer = setInterval(() => socket.write(piece), everyMs);
  socket.once('close', () => clearInterval(timer));
}

async function addressOf(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The real client, which waits for nothing between its tries; closed after the test. */
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

/** The error that work ends with, which must be one of this project's and safe to show. */
export async function safeErrorOf(work: Promise<unknown>): Promise<ExportError> {
  const error = await work.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  if (!isExportError(error)) throw error;
  checkSentence(error.message);
  return error;
}

/** One sentence that fits on a screen and tells nothing it must not. */
export function checkSentence(message: string): void {
  const told = [ACCOUNT, 'hidden', KEY.secret, Buffer.from(`${KEY.keyId}:${KEY.secret}`).toString('base64')];
  const leak = told.find((secret) => message.includes(secret));
  if (leak !== undefined) throw new Error(`the sentence holds ${leak}: ${message.slice(0, 300)}`);
  if (message.length > 500) throw new Error(`the sentence is ${message.length} characters long`);
  // Nothing but what is printable, on one line.
  if (/[^\x20-\x7e…]/.test(message))
    throw new Error(`the sentence holds strange characters: ${JSON.stringify(message)}`);
  if (!message.endsWith('.')) throw new Error(`the sentence has no end: ${message}`);
}
