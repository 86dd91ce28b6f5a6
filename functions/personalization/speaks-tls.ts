import tls from 'node:tls';
import { provesTls } from './failures.ts';

/**
 * Whether a port speaks TLS. Servers differ in what they do with a request that is not TLS: some close the connection, others
 * send an alert, or 400. Only a handshake shows it for all of them. Nothing is sent on the connection.
 *
 * @param baseUrl with `http:`
 */
export function speaksTls(baseUrl: string, timeoutMs: number): Promise<boolean> {
  const { hostname, port } = new URL(baseUrl);
  return new Promise((resolve) => {
    const socket = tls.connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 80),
      timeout: timeoutMs,
    });
    const end = (speaks: boolean) => {
      socket.destroy();
      resolve(speaks);
    };
    socket
      .once('secureConnect', () => end(true))
      // A certificate that is rejected has been sent all the same.
      .once('error', ({ code }: NodeJS.ErrnoException) => end(provesTls(code)))
      .once('timeout', () => end(false))
      .once('close', () => end(false));
  });
}
