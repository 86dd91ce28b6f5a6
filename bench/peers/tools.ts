/** The compared tools: how to start each one, and how to read its output. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_KEY } from '../../simulator/simulator.ts';
import type { PythonEnvironments } from './python-environments.ts';
import { type ReadAccount, readAccountExport, readDlt, readSinger } from './read-output.ts';

export interface Job {
  readonly apiUrl: string;
  readonly pageSize: number;
  /** Empty, used by this run only. */
  readonly folder: string;
}

export interface Tool {
  readonly name: string;
  /** Writes the tool's configuration and returns its command. */
  prepare(job: Job): Promise<{ readonly command: readonly string[]; readonly env?: Readonly<Record<string, string>> }>;
  /** The output folder, below the job's folder. */
  readonly delivers: string;
  /** A glob of the manifests that publish the output, below the job's folder. */
  readonly publishes?: string;
  read(folder: string): Iterable<ReadAccount>;
}

export const KEY_ENVIRONMENT = {
  PERSONALIZATION_API_KEY_ID: DEFAULT_KEY.keyId,
  PERSONALIZATION_API_KEY_SECRET: DEFAULT_KEY.keySecret,
} as const;

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

export function accountExport(flags: readonly string[] = [], name = 'Account Export'): Tool {
  return {
    name,
    delivers: 'out/accounts_json',
    publishes: 'out/export_runs/run_id=*/manifest.json',
    read: readAccountExport,
    prepare: async ({ apiUrl, pageSize, folder }) => ({
      command: [
        ...[process.execPath, here('../../cli/main.ts'), 'run', '--api-url', apiUrl, '--dataset', 'engage', '--json'],
        ...['--page-size', String(pageSize), '--concurrency', '8', '--out', path.join(folder, 'out'), ...flags],
      ],
    }),
  };
}

export interface DltSetting {
  /** `json`: attributes stay one JSON value. `columns`: dlt's default, columns and tables. */
  readonly attributes: 'json' | 'columns';
  /** Processes for normalizing, with rotated files, as dlt's performance guide advises. */
  readonly processes?: number;
}

export function dlt(python: PythonEnvironments, setting: DltSetting, name = 'dlt'): Tool {
  return {
    name,
    delivers: 'out/export',
    read: readDlt,
    prepare: async ({ apiUrl, pageSize, folder }) => ({
      command: [
        path.join(python.bin.dlt, 'python'),
        here('dlt_accounts.py'),
        ...[apiUrl, String(pageSize), folder, setting.attributes],
      ],
      env: {
        RUNTIME__DLTHUB_TELEMETRY: 'false',
        DLT_DATA_DIR: path.join(folder, 'data'),
        ...(setting.processes === undefined
          ? {}
          : { NORMALIZE__WORKERS: String(setting.processes), SOURCES__DATA_WRITER__FILE_MAX_ITEMS: '25000' }),
      },
    }),
  };
}

/** The documented fields of an account; any may be missing. */
const ACCOUNTS_SCHEMA = {
  type: 'object',
  properties: {
    name: { type: ['string', 'null'] },
    engagementScore: { type: ['number', 'null'] },
    engagementPercentChange: { type: ['number', 'null'] },
    firstActivity: { type: ['integer', 'null'] },
    lastActivity: { type: ['integer', 'null'] },
    totalActions: { type: ['integer', 'null'] },
    accountStatus: { type: ['string', 'null'] },
    attributes: { type: ['string', 'null'] },
  },
} as const;

/** The tap's configuration. `given`: a schema with attributes as JSON text; `inferred`: the tap's default. */
export function tapConfig(apiUrl: string, pageSize: number, schema: 'given' | 'inferred'): object {
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
        ...(schema === 'given' ? { except_keys: ['attributes'], schema: ACCOUNTS_SCHEMA } : {}),
      },
    ],
  };
}

/** Tap and target in a pipe that fails when either fails, as with `meltano run`. */
export function singer(python: PythonEnvironments, schema: 'given' | 'inferred', name = 'Singer'): Tool {
  return {
    name,
    delivers: 'out',
    read: readSinger,
    prepare: async ({ apiUrl, pageSize, folder }) => {
      const out = path.join(folder, 'out');
      await mkdir(out);
      const [tap, target] = [path.join(folder, 'tap.json'), path.join(folder, 'target.json')];
      await writeFile(tap, JSON.stringify(tapConfig(apiUrl, pageSize, schema)));
      await writeFile(target, JSON.stringify({ destination_path: out }));
      const programs = [path.join(python.bin.tap, 'tap-rest-api-msdk'), path.join(python.bin.target, 'target-jsonl')];
      const pipe = '"$0" --config "$2" | "$1" --config "$3"';
      return { command: ['bash', '-o', 'pipefail', '-c', pipe, ...programs, tap, target] };
    },
  };
}
