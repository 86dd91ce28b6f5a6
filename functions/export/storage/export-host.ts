/** The API host of an export: kept from its first run on, in the bucket or folder of its runs. */
import * as z from 'zod';
import { ExportError } from '../../model/errors.ts';
import type { ObjectStore, RunPorts } from '../ports.ts';
import { exportHostKey } from './bucket-layout.ts';
import { createJson, getJson } from './stored-json.ts';

const HostSchema = z.object({ host: z.string() });

type HostPorts = Pick<RunPorts, 'api' | 'store'>;

/** Whether the host of the API has answered an earlier run of an export. */
export async function hasAnswered({ api, store }: HostPorts, exportName: string): Promise<boolean> {
  return (await hostOf(store, exportName)) === api.host;
}

/**
 * The runs of an export come from one tenant: another one's would replace them in `accounts_latest`.
 *
 * @returns whether the host has answered an earlier run of the export
 * @throws ExportError `RequestError` if another host has
 */
export async function refuseOtherHost({ store, api }: HostPorts, exportName: string): Promise<boolean> {
  const host = await hostOf(store, exportName);
  if (host === undefined || host === api.host) return host !== undefined;
  throw new ExportError(
    'RequestError',
    `Export "${exportName}" in ${store.location} already has data from another host (${host}, not ${api.host}): use another export name. If the tenant moved, delete ${exportHostKey(exportName)}.`,
  );
}

/**
 * Keeps the host once it has answered: a misspelled one never does.
 * @throws ExportError `RequestError` if another run has kept another one meanwhile
 */
export async function keepHost(ports: HostPorts, exportName: string): Promise<void> {
  const isKept = await createJson(ports.store, exportHostKey(exportName), { host: ports.api.host });
  if (!isKept) await refuseOtherHost(ports, exportName);
}

async function hostOf(store: ObjectStore, exportName: string): Promise<string | undefined> {
  return (await getJson(store, exportHostKey(exportName), HostSchema))?.host;
}
