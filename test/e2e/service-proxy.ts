/** A proxy in front of a service: records requests, rejects some as AWS does, and corrupts bodies. */
import { createServer, type IncomingMessage, request as plainRequest, type ServerResponse } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';

export type Fate = 'pass' | 'throttle' | 'conflict' | 'damage request' | 'damage answer';

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** The operation of a JSON service, such as `AWSGlue.GetPartitions`. */
  readonly target: string;
}

export interface ServiceProxy {
  readonly url: string;
  readonly requests: ProxiedRequest[];
  /** The fates of the next requests, in order; the last one applies to all later requests. */
  follow(...fates: readonly Fate[]): void;
  /** Runs `work` with these fates, which must make it fail, and then passes requests again. */
  failureOf(fates: readonly Fate[], work: () => Promise<unknown>): Promise<{ error: unknown; requests: number }>;
  close(): Promise<void>;
}

/** @param service the URL of the service */
export async function startServiceProxy(service: string): Promise<ServiceProxy> {
  const requests: ProxiedRequest[] = [];
  let plan: Fate[] = [];
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { method = 'GET', url: path = '/', headers } = incoming;
    const seen = { method, path, headers, target: String(headers['x-amz-target'] ?? '') };
    requests.push(seen);
    const fate = (plan.length > 1 ? plan.shift() : plan[0]) ?? 'pass';
    if (fate === 'throttle') throttle(seen, response);
    else if (fate === 'conflict') {
      answerInXml(response, method, { status: 409, code: 'ConditionalRequestConflict' });
    } else forward(seen, fate === 'damage request' ? damaged(body) : body, response, fate === 'damage answer');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  // The Host header is signed, so it is forwarded unchanged.
  function forward({ method, path, headers }: ProxiedRequest, body: Buffer, response: ServerResponse, damage: boolean) {
    const send = service.startsWith('https:') ? tlsRequest : plainRequest;
    const outgoing = send(new URL(path, service), { method, headers }, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      const received = Buffer.concat(chunks);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.end(damage ? damaged(received) : received);
    });
    outgoing.once('error', () => response.destroy());
    outgoing.end(body);
  }

  const follow = (...fates: readonly Fate[]) => {
    plan = [...fates];
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    follow,
    async failureOf(fates, work) {
      const before = requests.length;
      follow(...fates);
      const error = await work().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      follow('pass');
      return { error, requests: requests.length - before };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Flips one bit, so that the length still matches the header. */
function damaged(body: Buffer): Buffer {
  const other = Buffer.from(body);
  const middle = other.length >> 1;
  other.writeUInt8(other.readUInt8(middle) ^ 1, middle);
  return other;
}

/**
 * Source: Amazon S3 API reference, "Error responses" (503 SlowDown; HEAD responses have no body); AWS JSON 1.1, "Common
 * errors" of the services (400 ThrottlingException, "Rate exceeded").
 */
function throttle({ method, target }: ProxiedRequest, response: ServerResponse): void {
  if (target !== '') {
    response.writeHead(400, {
      'content-type': 'application/x-amz-json-1.1',
      'x-amzn-requestid': '5f1c2f0e-0000-4000-8000-000000000000',
    });
    response.end(JSON.stringify({ __type: 'ThrottlingException', message: 'Rate exceeded' }));
    return;
  }
  answerInXml(response, method, { status: 503, code: 'SlowDown' });
}

function answerInXml(
  response: ServerResponse,
  method: string,
  { status, code }: { readonly status: number; readonly code: string },
): void {
  response.writeHead(status, {
    'content-type': 'application/xml',
    'x-amz-request-id': '4442587FB7D0A2F9',
    connection: 'close',
  });
  response.end(
    method === 'HEAD'
      ? undefined
      : `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Injected.</Message><RequestId>4442587FB7D0A2F9</RequestId><HostId>host</HostId></Error>`,
  );
}
