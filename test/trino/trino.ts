/**
 * Trino, on which Athena engine version 3 is based, for tests of tables and views. Maven Central provides it: 300 MB, which
 * take a minute to download and stay in a cache. It starts in 10 seconds.
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

/** Why Trino cannot run; `undefined` if it can. Downloads it if `TRINO=fetch` or `CI` is set. */
export async function trinoMissing(): Promise<string | undefined> {
  try {
    const { stderr } = await run('java', ['-version']);
    const major = Number(/version "(\d+)/.exec(stderr)?.[1]);
    if (!(major >= 17)) return `Java 17 or later is required (found ${major})`;
  } catch {
    return 'Java is not installed';
  }
  if (existsSync(join(CACHE, 'ready'))) return undefined;
  if (process.env.TRINO !== 'fetch' && !process.env.CI)
    return 'Trino is not downloaded: run the tests with TRINO=fetch (300 MB)';
  try {
    await fetchTrino();
    return undefined;
  } catch (error) {
    return `Trino cannot be downloaded: ${String((error as Error).message)
      .split('\n', 1)[0]
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
  /** Runs a statement in a schema and returns its rows. @throws Error with the message of Trino */
  query(sql: string, schema?: string): Promise<unknown[][]>;
  close(): Promise<void>;
}

/** Starts Trino over the S3 at `endpoint`, with a schema for each bucket. The bucket `exports` also holds the metastore. */
export async function startTrino(endpoint: string, buckets: readonly string[]): Promise<Trino> {
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
    child.once('exit', () => reject(new Error(`Trino exited: ${seen.slice(-2000)}`)));
  });
  const query = (sql: string, schema = 'exports') => runQuery(url, sql, schema);
  for (let attempt = 1; ; attempt++) {
    try {
      await query('SELECT 1');
      break;
    } catch (error) {
      if (attempt > 300 || !/initializ|No nodes|starting/i.test(String(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  for (const bucket of buckets) await query(`CREATE SCHEMA ${bucket} WITH (location = 's3://${bucket}/warehouse')`);
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

/** Source: Trino docs, "Trino client REST API". */
async function runQuery(url: string, sql: string, schema: string): Promise<unknown[][]> {
  const headers = {
    'X-Trino-User': 'test',
    'X-Trino-Catalog': 'hive',
    'X-Trino-Schema': schema,
    // Not UTC, so that tests notice a view that depends on it.
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
