/** The API host of an export: kept from its first run on, in the bucket or folder of its runs. */
import * as z from 'zod';
import { ExportError } from '../../model/errors.ts';
import type { RunPorts } from '../ports.ts';
import { exportHostKey } from './bucket-layout.ts';
import { createJson, getJson } from './stored-json.ts';

const HostSchema = z.object({ host: z.string() });

type HostPorts = Pick<RunPorts, 'api' | 'store'>;

/** Whether the host of the API has answered an earlier run of an export. */
export async function hasAnswered({ api, store }: HostPorts, exportName: string): Promise<boolean> {
  return (await getJson(store, exportHostKey(exportName), HostSchema))?.host === api.host;
}

/**
 * The runs of an export come from one tenant: another one's would replace them in `accounts_latest`. The first host that
 * answers is kept, not a misspelled one.
 *
 * @throws ExportError `RequestError` if the host is not that of the earlier runs
 */
export async function refuseOtherHost({ store, api }: HostPorts, exportName: string): Promise<void> {
  const key = exportHostKey(exportName);
  if (await createJson(store, key, { host: api.host })) return;
  const host = (await getJson(store, key, HostSchema))?.host;
  if (host === undefined || host === api.host) return;
  throw new ExportError(
    'RequestError',
    `Export "${exportName}" in ${store.location} already has data from another host (${host}, not ${api.host}): use another export name. If the tenant moved, delete ${key}.`,
  );
}
