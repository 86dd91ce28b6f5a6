/** Which proxy requests go through, by the usual environment variables. */
import { ExportError } from '../model/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Never through a proxy: a simulator on this machine. */
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/**
 * The proxy for a host: `HTTPS_PROXY` or `HTTP_PROXY`, unless `NO_PROXY` names the host. Each may be in lower case, which
 * counts first, as for curl.
 *
 * `NO_PROXY` is a list of host names, each with all names below it, with or without a leading dot or `*.`; each may have a
 * port. `*` means all hosts.
 * @throws ExportError `ConfigError`, which does not contain the value: it may hold a password
 */
export function proxyFor(baseUrl: string, env: Environment): URL | undefined {
  const url = new URL(baseUrl);
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = read(env, name);
  if (value === '' || LOOPBACK.test(url.hostname) || isExcepted(url, read(env, 'NO_PROXY'))) return undefined;
  const proxy = URL.canParse(value) ? new URL(value) : undefined;
  if (proxy && /^https?:$/.test(proxy.protocol) && isDecodable(proxy)) return proxy;
  throw new ExportError(
    'ConfigError',
    `Invalid proxy in ${name}: set it to an http or https URL, such as http://proxy.example.com:3128.`,
  );
}

function read(env: Environment, name: string): string {
  return (env[name.toLowerCase()] ?? env[name] ?? '').trim();
}

function isExcepted({ hostname, port, protocol }: URL, exceptions: string): boolean {
  const portOfHost = port || (protocol === 'https:' ? '443' : '80');
  return exceptions
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      const [, pattern = '', portOfEntry = portOfHost] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      const domain = pattern.replace(/^\*?\./, '');
      return portOfEntry === portOfHost && (domain === '*' || hostname === domain || hostname.endsWith(`.${domain}`));
    });
}

/** A user or password with a lone `%` cannot be sent. */
function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}
