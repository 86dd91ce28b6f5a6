/** The compared tools: how to start each one, and what it delivers. */
import { globSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_KEY } from '../../simulator/simulator.ts';
import { pythonPrograms } from '../../test/e2e/python.ts';

export interface Job {
  readonly apiUrl: string;
  readonly pageSize: number;
  /** Used by this tool only. */
  readonly folder: string;
}

export interface Tool {
  readonly name: string;
  /** Writes the tool's configuration. @returns its command, and what it needs of the environment */
  prepare(job: Job): Promise<readonly [command: readonly string[], env?: Readonly<Record<string, string>>]>;
  /** A glob of its files, below its folder; for a tool that publishes, the verdict, and `null` when nothing is published. */
  delivered(folder: string): { readonly files: string; readonly verdict?: string | null };
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

export const OWN = 'Account Export';
/** Arguments of Node.js for the command line of a clone. */
export const CLI = ['--import', here('../../cli/need-node.mjs'), here('../../cli/main.ts')];
export const KEY = {
  PERSONALIZATION_API_KEY_ID: DEFAULT_KEY.keyId,
  PERSONALIZATION_API_KEY_SECRET: DEFAULT_KEY.keySecret,
};

/** @param runId a later run in the same folder knows the earlier ones */
export function accountExport(flags: readonly string[] = [], name = OWN, runId = 'bench'): Tool {
  return {
    name,
    async prepare({ apiUrl, pageSize, folder }) {
      const source = ['--api-url', apiUrl, '--dataset', 'engage', '--page-size', `${pageSize}`, '--concurrency', '8'];
      const out = ['--run-id', runId, '--out', path.join(folder, 'out'), '--quiet'];
      return [[process.execPath, ...CLI, 'run', ...source, ...out, ...flags]];
    },
    delivered(folder) {
      const files = (id: string) => `out/accounts_json/**/run_id=${id}/*.json.gz`;
      const [published] = globSync(`out/export_runs/run_id=${runId}*/manifest.json`, { cwd: folder });
      if (published === undefined) return { files: files(`${runId}*`), verdict: null };
      const { runId: id, consistency } = JSON.parse(readFileSync(path.join(folder, published), 'utf8'));
      return { files: files(id), verdict: consistency.verdict };
    },
  };
}

/** A short script that reads pages until one is empty. @param lanes requests at once */
export function plainReader(lanes: number, name: string): Tool {
  return {
    name,
    async prepare({ apiUrl, pageSize, folder }) {
      const url = `${apiUrl}/api/dataset/engage/accounts.json?pageSize=${pageSize}`;
      return [[process.execPath, here('../plain-reader.ts'), url, folder, `${lanes}`]];
    },
    delivered: () => ({ files: 'page-*.json.gz' }),
  };
}

const PEERS = ['dlt', 'tap-rest-api-msdk', 'target-jsonl'];

export interface Peers {
  readonly dlt: Tool;
  readonly singer: Tool;
  /** By package. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Creates missing Python environments, one for each program. @throws Error when Python or a package is missing */
export async function preparePeers(): Promise<Peers> {
  const versions: Record<string, string> = {};
  const install = async (name: string) => {
    const requirements = here(`requirements/${name}.txt`);
    const pins = (await readFile(requirements, 'utf8')).matchAll(/^([\w.-]+)==(\S+)/gm);
    for (const [, key = '', pinned = ''] of pins) if (PEERS.includes(key)) versions[key] = pinned;
    return pythonPrograms(`peer-${name}`, requirements);
  };
  const python = path.join(await install('dlt'), 'python');
  const [tap, target] = [
    path.join(await install('tap'), 'tap-rest-api-msdk'),
    path.join(await install('target'), 'target-jsonl'),
  ];
  return { dlt: dlt(python), singer: singer(tap, target), versions };
}

/** As in its documentation: gzipped JSON lines, telemetry off, defaults otherwise. */
function dlt(python: string): Tool {
  return {
    name: 'dlt',
    delivered: () => ({ files: 'out/export/accounts/*.jsonl{,.gz}' }),
    prepare: async ({ apiUrl, pageSize, folder }) => [
      [python, here('dlt_accounts.py'), apiUrl, `${pageSize}`, folder],
      { RUNTIME__DLTHUB_TELEMETRY: 'false', DLT_DATA_DIR: path.join(folder, 'data') },
    ],
  };
}

/** Tap and target in a pipe that fails when either fails, as with `meltano run`. */
function singer(tap: string, target: string): Tool {
  return {
    name: 'Singer',
    delivered: () => ({ files: 'out/*.jsonl' }),
    async prepare({ apiUrl, pageSize, folder }) {
      const [tapFile, targetFile] = [path.join(folder, 'tap.json'), path.join(folder, 'target.json')];
      const out = path.join(folder, 'out');
      await mkdir(out, { recursive: true });
      await writeFile(tapFile, JSON.stringify(tapConfig(apiUrl, pageSize)));
      await writeFile(targetFile, JSON.stringify({ destination_path: out }));
      const pipe = '"$0" --config "$2" | "$1" --config "$3"';
      return [['bash', '-o', 'pipefail', '-c', pipe, tap, target, tapFile, targetFile]];
    },
  };
}

/** The documented fields of an account, of which any may be missing; attributes as JSON text. */
const FIELDS = {
  string: ['name', 'accountStatus', 'attributes'],
  number: ['engagementScore', 'engagementPercentChange'],
  integer: ['firstActivity', 'lastActivity', 'totalActions'],
};

/**
 * `backoff_type` is not set: with `header`, the tap respects `Retry-After` but fails on errors without a response, such as a
 * connection reset.
 */
function tapConfig(apiUrl: string, pageSize: number): object {
  const properties = Object.entries(FIELDS).flatMap(([type, names]) => {
    return names.map((name) => [name, { type: [type, 'null'] }]);
  });
  return {
    api_url: `${apiUrl}/api/dataset/engage`,
    auth_method: 'basic',
    username: DEFAULT_KEY.keyId,
    password: DEFAULT_KEY.keySecret,
    pagination_request_style: 'page_number_paginator',
    pagination_response_style: 'page',
    pagination_initial_offset: 0,
    pagination_next_page_param: 'page',
    // A page with a first record has a next page.
    next_page_token_path: '$[0]',
    streams: [
      {
        name: 'accounts',
        path: '/accounts.json',
        params: { page: 0, pageSize },
        records_path: '$[*]',
        primary_keys: ['name'],
        except_keys: ['attributes'],
        schema: { type: 'object', properties: Object.fromEntries(properties) },
      },
    ],
  };
}
