/** A proxy in front of the simulator: what a network, a load balancer and an API in trouble do, request by request. */
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to a request; a number is a status. */
export type ApiTrouble =
  | { readonly status: number; readonly retryAfter?: string }
  | 'reset'
  | 'breaks off'
  | 'truncated'
  | 'garbage'
  | 'html'
  | 'no answer'
  | 'slow';

export interface ProxiedRequest {
  readonly page: number;
  readonly pageSize: number;
}

/** @returns what happens to the request; `undefined` to let it pass */
export type ApiFault = (request: ProxiedRequest) => ApiTrouble | undefined;

export async function startFaultProxy(target: string) {
  const requests: ProxiedRequest[] = [];
  let fault: ApiFault | undefined;
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', target).searchParams;
    const seen = { page: Number(query.get('page')), pageSize: Number(query.get('pageSize')) };
    requests.push(seen);
    const trouble = fault?.(seen);
    if (trouble === undefined) pass(target, request, response);
    else strike(trouble, target, request, response);
  });
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** As they came, whatever became of them. */
    requests: requests as readonly ProxiedRequest[],
    setFault(next: ApiFault | undefined): void {
      fault = next;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function strike(trouble: ApiTrouble, target: string, request: IncomingMessage, response: ServerResponse): void {
  const json = { 'content-type': 'application/json' };
  switch (trouble) {
    case 'reset':
      request.socket.resetAndDestroy();
      return;
    case 'breaks off':
      response.writeHead(200, { ...json, 'content-length': 5000 });
      response.write('[{"name":"Acme"},', () => request.socket.end());
      return;
    case 'truncated':
      // With a clean end: nothing but the content tells.
      response.writeHead(200, json).end('[{"name":"Acme"},{"na');
      return;
    case 'garbage':
      response.writeHead(200, json).end('\u0000\u0001 no JSON');
      return;
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>');
      return;
    case 'no answer':
      return;
    case 'slow':
      setTimeout(() => pass(target, request, response), 40);
      return;
    default: {
      const { status, retryAfter } = trouble;
      response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
      response.end('fault on request');
    }
  }
}

function pass(target: string, request: IncomingMessage, response: ServerResponse): void {
  const onward = forward(new URL(request.url ?? '', target), { headers: request.headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  onward.end();
}
