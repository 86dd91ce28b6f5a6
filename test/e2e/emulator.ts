/**
 * An AWS emulator on this machine: MiniStack, from PyPI, without Docker (`docs/decisions/0007-emulator.md`). It uses TLS,
 * which the bucket policies require, and enforces IAM permissions.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { addressOfNobody } from '../support/closed-port.ts';
import { pythonPrograms } from './python.ts';

const run = promisify(execFile);
export const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));
export const REGION = 'us-east-1';
export const ACCOUNT = '000000000000';

/** Waits of the workflow take a hundredth of their time. */
const WAIT_SCALE = '0.01';
const START_TIMEOUT_MS = 60_000;

export interface Emulator {
  readonly url: string;
  /** Environment of a child process that uses only the emulator. */
  readonly environment: Readonly<Record<string, string>>;
  /** Options of a client in this process, with the permissions of the account's root user. */
  readonly client: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  readonly logFile: string;
  close(): Promise<void>;
}

/**
 * Starts an emulator on a free port. This process then trusts its certificate.
 * @param traces address of the X-Ray daemon for functions, `127.0.0.1:<port>`
 */
export async function startEmulator({ traces }: { readonly traces?: string } = {}): Promise<Emulator> {
  const programs = await pythonPrograms('emulator', REQUIREMENTS);
  const folder = await mkdtemp(join(tmpdir(), 'account-export-emulator-'));
  const certificate = await selfSigned(folder);
  setDefaultCACertificates([...getCACertificates(), await readFile(certificate.cert, 'utf8')]);
  const { port } = new URL(await addressOfNobody());
  const url = `https://127.0.0.1:${port}`;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const environment = {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    NODE_EXTRA_CA_CERTS: certificate.cert,
    // The CDK CLI reads this variable instead.
    AWS_CA_BUNDLE: certificate.cert,
  };
  const logFile = join(folder, 'emulator.log');
  const { AWS_PROFILE: _profile, AWS_SESSION_TOKEN: _token, ...inherited } = process.env;
  const log = await open(logFile, 'w');
  const child = spawn(join(programs, 'ministack'), [], {
    env: {
      ...inherited,
      ...environment,
      // Functions run on the project's Node.
      PATH: `${join(process.execPath, '..')}:${process.env.PATH}`,
      TMPDIR: folder,
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: port,
      USE_SSL: '1',
      MINISTACK_SSL_CERT: certificate.cert,
      MINISTACK_SSL_KEY: certificate.key,
      AUTH: 'true',
      SFN_WAIT_SCALE: WAIT_SCALE,
      ...(traces === undefined ? {} : { AWS_XRAY_DAEMON_ADDRESS: traces }),
    },
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const close = async () => {
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(5000)]);
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(url))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      const output = await readFile(logFile, 'utf8').catch(() => '');
      await close();
      throw new Error(`The emulator did not start: ${output.trim().split('\n').at(-1) ?? ''}`);
    }
    await sleep(100);
  }
  return { url, environment, client: { endpoint: url, region: REGION, credentials }, logFile, close };
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/_ministack/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** A certificate for 127.0.0.1, valid for two days. */
async function selfSigned(folder: string): Promise<{ cert: string; key: string }> {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...subject,
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  return { cert, key };
}
