import type { Authorizer } from './authorizer.ts';
import type { EndpointClient } from './endpoint-client.ts';
import type { LoginResult } from './registry.ts';
import { RegistryFailure } from './registry-failure.ts';

/**
 * Shows credentials to a registry and sees whether it takes them.
 *
 * @throws {RegistryFailure} `login-refused`, or what the registry says
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
    throw await asRefusal(error, endpoint);
  }
  const token = authorizer.usesTokens ? await authorizer.token([], signal) : undefined;
  return { identityToken: token?.refreshToken ?? '', status: 'Login Succeeded' };
}

/** A refusal for which the registry gives no reason of its own. */
async function asRefusal(error: unknown, endpoint: EndpointClient): Promise<unknown> {
  if (!(error instanceof RegistryFailure) || error.code !== 'unauthorized' || error.registryCode)
    return error;
  const { href } = await endpoint.urlOf('/v2/');
  const facts = { subject: endpoint.host, details: { url: href }, status: 401, cause: error };
  return new RegistryFailure('login-refused', facts);
}
