/**
 * A Trino for the tests of tables and views: Athena's engine 3 is built on it. It comes from Maven Central, in parts, and
 * stays in a cache: some 300 MB, a minute to fetch, ten seconds to start.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const VERSION = '435';
const HERE = fileURLToPath(new URL('.', import.meta.url));
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'account-export', `trino-${VERSION}`);
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1';
const run = promisify(execFile);

/** Why there is no Trino here; `undefined` when there is one. Fetches it where `TRINO=fetch` or `CI` is set. */
export async function trinoMissing(): Promise<string | undefined> {
  try {
    const { stderr } = await run('java', ['-version']);
    const major = Number(/version "(\d+)/.exec(stderr)?.[1]);
    if (!(major >= 17)) return `Java 17 or later is needed, and this is ${major}`;
  } catch {
    return 'there is no Java on this machine';
  }
  if (existsSync(join(CACHE, 'ready'))) return undefined;
  if (process.env.TRINO !== 'fetch' && !process.env.CI)
    return 'it is not here yet: TRINO=fetch npm test brings it (300 MB)';
  try {
    await fetchTrino();
    return undefined;
  } catch (error) {
    return `it cannot be fetched: ${String((error as Error).message)
      .split('\n')[0]
      ?.slice(0, 200)}`;
  }
}

async function fetchTrino(): Promise<void> {
  const draft = `${CACHE}.${process.pid}`;
  await mkdir(join(draft, 'hive'), { recursive: true });
  const maven = (args: readonly string[]) => run('mvn', ['-q', '-B', ...args], { cwd: draft, timeout: 600_000 });
  await maven([
    '-f',
    join(HERE, 'pom.xml'),
    `${COPY}:copy-dependencies`,
    '-DincludeScope=runtime',
    `-DoutputDirectory=${draft}/lib`,
  ]);
  await maven([`${COPY}:copy`, `-Dartifact=io.trino:trino-hive:${VERSION}:zip`, `-DoutputDirectory=${draft}`]);
  await run('jar', ['xf', join(draft, `trino-hive-${VERSION}.zip`)], { cwd: draft });
  await run('javac', ['-nowarn', '-cp', classPath(draft), '-d', join(draft, 'classes'), join(HERE, 'TrinoOnS3.java')]);
  await mkdir(join(draft, 'ready'));
  await rm(CACHE, { recursive: true, force: true });
  await rename(draft, CACHE);
}

function classPath(folder: string): string {
  return ['classes', 'lib/*', `trino-hive-${VERSION}/*`].map((part) => join(folder, part)).join(':');
}

export interface Trino {
  /** Runs a statement and returns its rows. @throws Error with Trino's message */
  query(sql: string): Promise<unknown[][]>;
  close(): Promise<void>;
}

/** Starts Trino over the S3 at `endpoint`, with the bucket `exports` and the schema `exports`. */
export async function startTrino(endpoint: string): Promise<Trino> {
  const opened = ['java.lang', 'java.nio', 'sun.nio.ch'].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);
  const folder = await mkdtemp(join(tmpdir(), 'account-export-trino-'));
  const child = spawn(
    'java',
    ['-Xmx2G', `-Djava.io.tmpdir=${folder}`, ...opened, '-cp', classPath(CACHE), 'TrinoOnS3', endpoint],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  const url = await new Promise<string>((resolve, reject) => {
    let seen = '';
    const read = (chunk: Buffer) => {
      seen += chunk;
      const match = /LISTENING (http\S+)/.exec(seen);
      if (match?.[1]) resolve(match[1]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', () => reject(new Error(`Trino ended: ${seen.slice(-2000)}`)));
  });
  const query = (sql: string) => runQuery(url, sql);
  for (let tries = 0; ; tries++) {
    try {
      await query("CREATE SCHEMA exports WITH (location = 's3://exports/warehouse')");
      break;
    } catch (error) {
      if (tries > 30 || !/initializ|No nodes|starting/i.test(String(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  return {
    query,
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve(rm(folder, { recursive: true, force: true })));
        child.kill('SIGKILL');
      }),
  };
}

interface Page {
  readonly nextUri?: string;
  readonly data?: unknown[][];
  readonly error?: { readonly message: string };
}

/** Trino's protocol: a statement is posted, its pages are followed. Source: Trino docs, "Trino client REST API". */
async function runQuery(url: string, sql: string): Promise<unknown[][]> {
  const headers = {
    'X-Trino-User': 'test',
    'X-Trino-Catalog': 'hive',
    'X-Trino-Schema': 'exports',
    'X-Trino-Time-Zone': 'America/New_York',
  };
  const rows: unknown[][] = [];
  let page = (await (await fetch(`${url}/v1/statement`, { method: 'POST', body: sql, headers })).json()) as Page;
  for (;;) {
    if (page.error) throw new Error(page.error.message);
    rows.push(...(page.data ?? []));
    if (!page.nextUri) return rows;
    page = (await (await fetch(page.nextUri, { headers })).json()) as Page;
  }
}
