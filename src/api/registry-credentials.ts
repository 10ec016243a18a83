import type { RegistryCredentials } from '#registry/credentials.ts';
import type { RegistryAuth } from '#wire/registry-auth.ts';

/** Docker's `AuthConfig` as the engine's credentials; `auth` stands for name and password where there is no name. */
export function credentialsFromAuth(auth: RegistryAuth): RegistryCredentials {
  const { identitytoken, registrytoken } = auth;
  return {
    ...loginOf(auth),
    ...(identitytoken ? { identityToken: identitytoken } : {}),
    ...(registrytoken ? { registryToken: registrytoken } : {}),
  };
}

function loginOf({ username, password, auth }: RegistryAuth): RegistryCredentials {
  if (username || !auth) return { ...(username && { username }), ...(password && { password }) };
  const plain = Buffer.from(auth, 'base64').toString('utf8');
  const colon = plain.indexOf(':');
  return { username: plain.slice(0, Math.max(0, colon)), password: plain.slice(colon + 1) };
}
