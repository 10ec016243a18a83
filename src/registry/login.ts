import type { Authorizer } from './authorizer.ts';
import type { EndpointClient } from './endpoint-client.ts';
import type { LoginResult } from './registry.ts';
import { RegistryFailure } from './registry-failure.ts';

/**
 * Shows credentials to a registry and sees whether it takes them.
 *
 * @throws {RegistryFailure} `unauthorized`, with Docker's text
 */
export async function logIn(
  endpoint: EndpointClient,
  authorizer: Authorizer,
  signal: AbortSignal | undefined,
): Promise<LoginResult> {
  try {
    const { body } = await endpoint.request({ method: 'GET', target: '/v2/', action: 'log in', scopes: [] });
    body.resume();
  } catch (error) {
    throw await inDockersWords(error, endpoint);
  }
  const token = authorizer.usesTokens ? await authorizer.token([], signal) : undefined;
  return { identityToken: token?.refreshToken ?? '', status: 'Login Succeeded' };
}

async function inDockersWords(error: unknown, endpoint: EndpointClient): Promise<unknown> {
  if (!(error instanceof RegistryFailure) || error.code !== 'unauthorized' || error.registryCode)
    return error;
  const { href } = await endpoint.urlOf('/v2/');
  const message = `login attempt to ${href} failed with status: 401 Unauthorized`;
  return new RegistryFailure('unauthorized', message, { status: 401, cause: error });
}
