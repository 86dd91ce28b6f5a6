import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A response of the simulator, uncompressed. */
export interface AlteredResponse {
  readonly url: string;
  readonly headers: Headers;
  body: string;
}

/** A server that passes requests on to a simulator and changes its responses. It closes after the test. */
export async function alteredApi(apiUrl: string, alter: (response: AlteredResponse) => void): Promise<string> {
  const server = createServer((request, response) => {
    const { url = '', headers } = request;
    fetch(`${apiUrl}${url}`, { headers: { authorization: headers.authorization ?? '', 'accept-encoding': 'identity' } })
      .then(async (answer) => {
        const altered = { url, headers: new Headers(answer.headers), body: await answer.text() };
        altered.headers.delete('content-length');
        altered.headers.delete('connection');
        alter(altered);
        response.writeHead(answer.status, Object.fromEntries(altered.headers)).end(altered.body);
      })
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
