/** The tools beside each other: how each is set up for one run, and how what it wrote is read. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_KEY } from '../../simulator/simulator.ts';
import type { PythonEnvironments } from './python-environments.ts';
import { type ReadAccount, readAccountExport, readDlt, readSinger } from './read-output.ts';

export interface Job {
  readonly apiUrl: string;
  readonly pageSize: number;
  /** Empty, and the run's own. */
  readonly folder: string;
}

export interface Tool {
  readonly name: string;
  /** Writes what the tool wants to find, and says how to start it. */
  prepare(job: Job): Promise<{ readonly command: readonly string[]; readonly env?: Readonly<Record<string, string>> }>;
  /** The folder, below the job's, of what it delivers. */
  readonly delivers: string;
  /** The manifests, below the job's folder, without which nothing that is delivered is published. */
  readonly publishes?: string;
  read(folder: string): Iterable<ReadAccount>;
}

export const KEY_ENVIRONMENT = {
  PERSONALIZATION_API_KEY_ID: DEFAULT_KEY.keyId,
  PERSONALIZATION_API_KEY_SECRET: DEFAULT_KEY.keySecret,
} as const;

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** `account-export run` as its README has it. */
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
  /** Whether attributes stay one JSON value, or become columns and tables, as happens when nothing is said. */
  readonly attributes: 'json' | 'columns';
  /** Normalises in so many processes, with files rotated as its guide to performance asks for. */
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

/** Every field that the API is documented to have; any may be missing. */
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

/** The tap's config. `given` keeps attributes as JSON text under a schema; `inferred` leaves both to the tap. */
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
    // There is more as long as a page has a first record.
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

/** Tap and target, piped; a failure of either is one of the whole, as with `meltano run`. */
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
