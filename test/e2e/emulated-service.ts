/** One emulated service per test file, with a client that calls it directly and one that goes through a fault-injecting proxy. */
import { afterAll, beforeAll, expect } from 'vitest';
import { type Emulator, startEmulator } from './emulator.ts';
import { type ServiceProxy, startServiceProxy } from './service-proxy.ts';

export type Service = Pick<Emulator, 'url' | 'client' | 'close'>;

interface Client {
  destroy(): void;
}

export interface EmulatedService<C extends Client> {
  service: Service;
  proxy: ServiceProxy;
  client: C;
  proxied: C;
}

/** Starts before the tests and stops after them. The result is filled in when the tests run. */
export function emulatedService<C extends Client>(
  ServiceClient: new (config: Emulator['client']) => C,
  start: () => Promise<Service> = startEmulator,
): EmulatedService<C> {
  const emulated = {} as Partial<EmulatedService<C>>;
  beforeAll(async () => {
    const service = await start();
    emulated.service = service;
    emulated.proxy = await startServiceProxy(service.url);
    emulated.client = new ServiceClient(service.client);
    emulated.proxied = new ServiceClient({ ...service.client, endpoint: emulated.proxy.url });
  });
  afterAll(async () => {
    emulated.client?.destroy();
    emulated.proxied?.destroy();
    await emulated.proxy?.close();
    await emulated.service?.close();
  });
  return emulated as EmulatedService<C>;
}

/** Matches an error that names what failed and AWS's error code. */
export function awsError(name: 'StorageError' | 'ConfigError' | 'ApiCredentialsError', what: string, code: string) {
  return { name, transient: name === 'StorageError', message: expect.stringContaining(`${what} failed (${code})`) };
}
