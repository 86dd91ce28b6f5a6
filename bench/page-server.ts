import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A local HTTP server that answers every request with the body last passed to `serve`. */
export async function servePages() {
  let body: Buffer = Buffer.alloc(0);
  const server = createServer((request, response) => {
    const type = request.url?.includes('.csv') ? 'text/csv' : 'application/json';
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'content-length': body.length });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve: (next: Buffer) => {
      body = next;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
