import { messageOf } from '#base/errors.ts';
import { encodeRegistryAuth, type RegistryAuth } from '#wire/registry-auth.ts';
import type { Context } from './context.ts';
import { helperFor, hostOf, readFromHelper } from './credential-helper.ts';
import { readDockerConfig } from './docker-config.ts';
import { registryOf } from './image-reference.ts';

/** The header with the credentials that the user has for an image's registry; anonymous where there are none. */
export function registryAuthHeader(context: Context, image: string): Readonly<Record<string, string>> {
  return { 'X-Registry-Auth': encodeRegistryAuth(credentialsFor(context, registryOf(image))) };
}

/** From the helper that the configuration names, else from the configuration itself; empty where there are none. */
export function credentialsFor(context: Context, registry: string): RegistryAuth {
  const helper = helperFor(context, registry);
  if (helper !== undefined) return fromHelper(context, helper, registry);
  const auths = readDockerConfig(context).auths ?? {};
  const sameHost = Object.keys(auths).find((name) => hostOf(name) === hostOf(registry));
  const entry = auths[registry] ?? (sameHost === undefined ? undefined : auths[sameHost]);
  if (!entry) return {};
  const plain = Buffer.from(entry.auth ?? '', 'base64').toString('utf8');
  const colon = plain.indexOf(':');
  return {
    serveraddress: registry,
    ...(colon < 0 ? {} : { username: plain.slice(0, colon), password: plain.slice(colon + 1) }),
    ...(entry.identitytoken ? { identitytoken: entry.identitytoken } : {}),
  };
}

/**
 * A helper that cannot be asked is a warning: most images need no credentials, and where they do, the registry says so.
 */
function fromHelper(context: Context, helper: string, registry: string): RegistryAuth {
  try {
    return readFromHelper(context, helper, registry) ?? {};
  } catch (error) {
    context.say(`WARNING: No credentials for ${hostOf(registry)}: ${messageOf(error)}`);
    return {};
  }
}
