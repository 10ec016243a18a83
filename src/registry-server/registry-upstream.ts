/** The upstream of a mirror, through the client of the protocol: with its tokens, redirects and repeated attempts. */
import { EngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import type { RegistryCredentials } from '#registry/credentials.ts';
import { downloadBlob, type DownloadOptions } from '#registry/download.ts';
import { createRegistries } from '#registry/registries.ts';
import type { RemoteBlob, Repository } from '#registry/registry.ts';
import type { Upstream, UpstreamBlob } from './registry-server.ts';

/** Names by which Docker Hub's registry is known. */
const DOCKER_HUB_HOSTS: ReadonlySet<string> = new Set([
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
]);

export interface OwnedUpstream extends Upstream, Disposable {}

/**
 * @param address `https://HOST[:PORT]`, or `http://` for one without TLS; dispose the result to close connections
 * @param credentials as `USER:PASSWORD`; absent: anonymous
 * @throws {EngineError} `invalid` if it is no such URL
 */
export function openUpstream(address: string, credentials?: string): OwnedUpstream {
  const url = parseAddress(address);
  const registries = createRegistries(url.protocol === 'http:' ? { insecureRegistries: [url.host] } : {});
  const domain = DOCKER_HUB_HOSTS.has(url.host) ? 'docker.io' : url.host;
  const open = (path: string, signal: AbortSignal): Repository =>
    registries.open({ domain, path }, { credentials: authOf(credentials), access: 'pull', signal });
  return {
    async resolveTag(repository, tag, signal) {
      return (await open(repository, signal).resolve(tag)).digest;
    },
    async fetchManifest(repository, digest, signal) {
      return await open(repository, signal).fetchManifest(digest);
    },
    async openBlob(repository, digest, offset, signal) {
      return await openUpstreamBlob(open(repository, signal), digest, offset, {
        retry: registries.retry,
        signal,
      });
    },
    [Symbol.dispose]: () => registries[Symbol.dispose](),
  };
}

async function openUpstreamBlob(
  repository: Repository,
  digest: Digest,
  offset: number,
  options: Pick<DownloadOptions, 'retry' | 'signal'>,
): Promise<UpstreamBlob> {
  let first: RemoteBlob | undefined = await repository.openBlob(digest, offset);
  const { totalBytes: size, body } = first;
  if (size === undefined) {
    body.destroy();
    throw new EngineError('unavailable', `Cannot mirror blob ${digest}: the upstream does not tell its size`);
  }
  const continued = {
    host: repository.host,
    openBlob: async (blob: Digest, from: number): Promise<RemoteBlob> => {
      const opened = first ?? (await repository.openBlob(blob, from));
      first = undefined;
      return opened;
    },
  };
  const descriptor = { digest, size };
  return { sizeBytes: size, body: downloadBlob({ ...options, repository: continued, descriptor, offset }) };
}

function parseAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isRegistry = url && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.username === '';
  if (!isRegistry)
    throw new EngineError('invalid', `Cannot mirror ${address}: http[s]://HOST[:PORT] expected`);
  return url;
}

function authOf(credentials: string | undefined): RegistryCredentials {
  const colon = credentials?.indexOf(':') ?? -1;
  if (credentials === undefined || colon < 0) return {};
  return { username: credentials.slice(0, colon), password: credentials.slice(colon + 1) };
}
