/** `npm run audit` against a small registry server, and `npm sbom`. */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/command-line.ts';

type Severity = 'low' | 'moderate' | 'high';

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  readonly packages: Readonly<Record<string, { version?: string; dependencies?: object; dev?: boolean }>>;
};

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A registry with the locked versions and at most one advisory, for all versions of a package. */
async function registry(name?: string, severity?: Severity) {
  const audited: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = (body: object) => response.end(JSON.stringify(body));
    if (request.url !== '/-/npm/v1/security/advisories/bulk') {
      answer(packument(decodeURIComponent(request.url ?? '').slice(1)));
      return;
    }
    const sent = Buffer.concat(chunks);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    audited.push(...Object.keys(JSON.parse(body.toString()) as object));
    const advisory = { id: 1, url: 'https://example.com/1', title: 'It breaks', severity, vulnerable_versions: '*' };
    answer(name === undefined ? {} : { [name]: [advisory] });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, audited };
}

function packument(name: string): object {
  const { version = '1.0.0', dependencies = {} } = packages[`node_modules/${name}`] ?? {};
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { name, version, dependencies } } };
}

async function audit(url: string): Promise<{ code: number | null; output: string }> {
  const environment = { ...process.env, npm_config_registry: url, npm_config_cache: await temporaryFolder() };
  const child = spawn('npm', ['run', '--silent', 'audit'], { env: environment });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

describe('npm run audit', () => {
  it('audits deployed packages and tools, and passes without advisories', async () => {
    const { url, audited } = await registry();
    expect((await audit(url)).code).toBe(0);
    expect(audited).toEqual(
      expect.arrayContaining(['undici', 'zod', '@aws-sdk/client-s3', 'vitest', 'esbuild', 'aws-cdk']),
    );
  });

  it.each<[string, Severity, string, number]>([
    ['undici', 'low', 'a deployed package', 1],
    ['zod', 'moderate', 'a deployed package that is also used by tools', 1],
    ['vitest', 'moderate', 'a tool', 0],
    ['vitest', 'high', 'a tool', 1],
  ])('for an advisory on %s with severity %s (%s) exits with %i', async (name, severity, _kind, code) => {
    const { url } = await registry(name, severity);
    expect(await audit(url)).toMatchObject({ code, output: expect.stringContaining(name) });
  });

  it('fails when the registry does not answer', async () => {
    const { url } = await registry();
    servers.splice(0).map((server) => server.close());
    expect((await audit(url)).code).not.toBe(0);
  }, 1_200_000);
});

it('the bill of materials of docs/third-party.md contains all bundled packages', () => {
  const page = readFileSync('docs/third-party.md', 'utf8');
  const commands = [...page.matchAll(/^npm (sbom .+)$/gm)].map(([, command = '']) => command);
  expect(commands).toEqual(['sbom --sbom-format cyclonedx']);
  const made = execFileSync('npm', (commands[0] ?? '').split(' '), { encoding: 'utf8', maxBuffer: 1e8 });
  const { bomFormat, components } = JSON.parse(made) as {
    readonly bomFormat: string;
    readonly components: readonly { name: string; version: string; licenses?: unknown[] }[];
  };
  expect(bomFormat).toBe('CycloneDX');
  expect(components.filter(({ licenses }) => !licenses)).toEqual([]);
  const listed = new Set(components.map(({ name, version }) => `${name} ${version}`));
  const deployed = [...page.matchAll(/^\| (\S+) \| (\d+\.\S+) \|/gm)].map(([, name, version]) => `${name} ${version}`);
  expect(deployed.length).toBeGreaterThan(40);
  expect(deployed.filter((one) => !listed.has(one))).toEqual([]);
});
