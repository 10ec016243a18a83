import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';

export const DEFAULT_HOST = 'unix:///run/caisson/caisson.sock';

interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Whether the server's certificate must be signed by `ca` and carry the host's name. */
  readonly verify: boolean;
}

/** Where an engine listens. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: TlsFiles }
  | SshEndpoint;

/** Another machine that ssh leads to: the default engine there, or the one that has the socket `path`. */
export interface SshEndpoint {
  readonly kind: 'ssh';
  readonly host: string;
  readonly user?: string;
  readonly port?: string;
  readonly path?: string;
}

export interface TlsChoice {
  readonly enabled: boolean;
  readonly verify: boolean;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The URL to talk to: the `-H` flag, `CAISSON_HOST`, `DOCKER_HOST`, or the default socket. */
export function resolveHost(flag: string | undefined, environment: Environment): string {
  return flag || environment['CAISSON_HOST'] || environment['DOCKER_HOST'] || DEFAULT_HOST;
}

/**
 * Reads a host URL as Docker writes them: `unix:///path`, `tcp://host[:port]`, `http://…`, `https://…`,
 * `ssh://[user@]host[:port][/path/of/socket]`, or a bare `host:port`. Without a port, 2375 is meant, and 2376 with TLS.
 *
 * @throws {EngineError} `invalid` if the URL has another form
 */
export function parseHost(url: string, tls: TlsChoice = { enabled: false, verify: false }): Endpoint {
  if (url.startsWith('unix://')) return { kind: 'unix', path: url.slice('unix://'.length) };
  if (url.startsWith('/')) return { kind: 'unix', path: url };
  if (url.startsWith('ssh://')) return parseSshHost(url);
  const match = /^(?:(tcp|http|https):\/\/)?(\[[^\]]+\]|[^:/]*)(?::(\d+))?\/?$/.exec(url);
  if (!match) throw unusable(url, FORMS);
  const [, scheme, name = '', port] = match;
  const secure = tls.enabled || tls.verify || scheme === 'https';
  return {
    kind: 'tcp',
    host: name.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(port ?? (secure ? 2376 : 2375)),
    ...(secure ? { tls: readTlsFiles(tls) } : {}),
  };
}

const FORMS =
  'it is to look like unix:///run/caisson/caisson.sock, tcp://127.0.0.1:2375 or ssh://user@machine';

function unusable(url: string, reason: string): EngineError {
  return new EngineError('invalid', `Cannot use "${url}" as the engine's address: ${reason}`);
}

function parseSshHost(url: string): SshEndpoint {
  const match = /^ssh:\/\/(?:([^@/?#]*)@)?(\[[^\]]+\]|[^:/@?#]+)(?::(\d+))?(\/[^?#]*)?$/.exec(url);
  if (!match) throw unusable(url, 'it is to look like ssh://user@machine:22/run/caisson/caisson.sock');
  const [, user, host = '', port, path = '/'] = match;
  if (user?.includes(':')) throw unusable(url.replace(/:[^@]*@/, ':…@'), 'a password in it is not supported');
  return {
    kind: 'ssh',
    host: host.replace(/^\[|\]$/g, ''),
    ...(user ? { user: decodeURIComponent(user) } : {}),
    ...(port === undefined ? {} : { port }),
    ...(path === '/' ? {} : { path: decodeURIComponent(path) }),
  };
}

/** TLS as `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` ask for it. */
export function tlsFromEnvironment(environment: Environment): TlsChoice {
  const verify = Boolean(environment['DOCKER_TLS_VERIFY']);
  const directory = environment['DOCKER_CERT_PATH'] || join(environment['HOME'] ?? '/root', '.docker');
  const tls = verify || Boolean(environment['DOCKER_TLS']);
  if (!tls) return { enabled: false, verify: false };
  const file = (name: string): string => join(directory, name);
  return { enabled: true, verify, ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') };
}

function readTlsFiles(choice: TlsChoice): TlsFiles {
  const ca = choice.ca === undefined ? undefined : readFileSync(choice.ca, 'utf8');
  const cert = choice.cert === undefined ? undefined : readFileSync(choice.cert, 'utf8');
  const key = choice.key === undefined ? undefined : readFileSync(choice.key, 'utf8');
  return {
    verify: choice.verify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
