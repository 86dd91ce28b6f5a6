/** A proxy in front of the simulator that injects the faults of a network, a load balancer or the API. */
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to a request. */
export type ApiFault =
  | { readonly status: number; readonly retryAfter?: string }
  /** The API sends its answer, which never arrives. `served` is called when it was sent. */
  | { readonly served: () => void }
  | 'connection reset'
  | 'body breaks off'
  | 'body cut short'
  | 'garbage'
  | 'html'
  | 'no answer'
  | 'slow';

export interface ProxiedRequest {
  readonly page: number;
  readonly pageSize: number;
}

/** @returns what happens to the request; `undefined` to forward it */
export type FaultRule = (request: ProxiedRequest) => ApiFault | undefined;

export async function startFaultProxy(target: string) {
  const requests: ProxiedRequest[] = [];
  let rule: FaultRule | undefined;
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', target).searchParams;
    const proxied = { page: Number(query.get('page')), pageSize: Number(query.get('pageSize')) };
    requests.push(proxied);
    const fault = rule?.(proxied);
    if (fault === undefined) pass(target, request, response);
    else inject(fault, target, request, response);
  });
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** In the order of their arrival, failed ones included. */
    requests: requests as readonly ProxiedRequest[],
    setFault(next: FaultRule | undefined): void {
      rule = next;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function inject(fault: ApiFault, target: string, request: IncomingMessage, response: ServerResponse): void {
  const json = { 'content-type': 'application/json' };
  switch (fault) {
    case 'connection reset':
      request.socket.resetAndDestroy();
      return;
    case 'body breaks off':
      response.writeHead(200, { ...json, 'content-length': 5000 });
      response.write('[{"name":"Acme"},', () => request.socket.end());
      return;
    case 'body cut short':
      // With a clean end: only the content shows it.
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
    default:
      if ('served' in fault) {
        send(target, request, (answer) => answer.resume().once('end', fault.served)).on('error', () => undefined);
        return;
      }
      response.writeHead(fault.status, fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter });
      response.end('injected fault');
  }
}

function pass(target: string, request: IncomingMessage, response: ServerResponse): void {
  send(target, request, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  }).on('error', () => response.destroy());
}

function send(target: string, request: IncomingMessage, onAnswer: (answer: IncomingMessage) => void) {
  return forward(new URL(request.url ?? '', target), { headers: request.headers }, onAnswer).end();
}
