import { encodeRegistryAuth, type RegistryAuth } from '#wire/registry-auth.ts';
import type { Context } from './context.ts';
import { readDockerConfig } from './docker-config.ts';
import { registryOf } from './image-reference.ts';

/** The header with the credentials that the user has for an image's registry; anonymous where there are none. */
export function registryAuthHeader(context: Context, image: string): Readonly<Record<string, string>> {
  return { 'X-Registry-Auth': encodeRegistryAuth(credentialsFor(context, registryOf(image))) };
}

function credentialsFor(context: Context, registry: string): RegistryAuth {
  const entry = readDockerConfig(context).auths?.[registry];
  if (!entry) return {};
  const plain = Buffer.from(entry.auth ?? '', 'base64').toString('utf8');
  const colon = plain.indexOf(':');
  return {
    serveraddress: registry,
    ...(colon < 0 ? {} : { username: plain.slice(0, colon), password: plain.slice(colon + 1) }),
    ...(entry.identitytoken ? { identitytoken: entry.identitytoken } : {}),
  };
}
