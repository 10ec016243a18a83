import type { Credentials } from '#registry/token-source.ts';
import type { BuildRequest } from '../build.ts';

const DOCKER_HUB = 'docker.io';
/** As clients call it where they keep credentials. */
const DOCKER_HUB_URL = 'https://index.docker.io/v1/';
/** As BuildKit asks a session for them. */
const DOCKER_HUB_HOST = 'registry-1.docker.io';

/** What the request brought, else what the client says while it is there; empty: anonymous. */
export async function credentialsFor(request: BuildRequest, domain: string): Promise<Credentials> {
  const { credentials, session, signal } = request;
  const isHub = domain === DOCKER_HUB;
  const brought = credentials[isHub ? DOCKER_HUB_URL : domain];
  if (brought) return brought;
  return (await session?.credentials(isHub ? DOCKER_HUB_HOST : domain, signal)) ?? {};
}
