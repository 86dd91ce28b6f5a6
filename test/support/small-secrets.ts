/** A server with one secret of Secrets Manager, to read and to update. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export async function startSmallSecrets(secret: object) {
  let value = JSON.stringify(secret);
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { SecretString } = JSON.parse(Buffer.concat(chunks).toString()) as { SecretString?: string };
    if (request.headers['x-amz-target'] === 'secretsmanager.PutSecretValue' && SecretString !== undefined)
      value = SecretString;
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify({ Name: 'key', SecretString: value }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
