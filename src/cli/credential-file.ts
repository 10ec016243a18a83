import type { RegistryAuth } from '#wire/registry-auth.ts';
import { changeDockerConfig } from './change-docker-config.ts';
import type { Context } from './context.ts';
import { eraseFromHelper, helperFor, storeInHelper } from './credential-helper.ts';
import { type DockerConfig, readDockerConfig } from './docker-config.ts';

type Credentials = NonNullable<DockerConfig['auths']>[string];

/**
 * Remembers credentials where Docker's client would look for them.
 *
 * @returns true if they lie in the configuration file, readable for every user that may read that file
 */
export function storeCredentials(context: Context, auth: RegistryAuth): boolean {
  const { serveraddress: registry = '', username = '', password = '', identitytoken } = auth;
  const helper = helperFor(context, registry);
  if (helper !== undefined) {
    storeInHelper(context, helper, auth);
    // The entry says that there are some; Docker lists registries by it.
    changeCredentials(context, registry, {});
    return false;
  }
  changeCredentials(context, registry, {
    auth: Buffer.from(`${username}:${identitytoken ? '' : password}`).toString('base64'),
    ...(identitytoken ? { identitytoken } : {}),
  });
  return true;
}

/** False if there were none. */
export function forgetCredentials(context: Context, registry: string): boolean {
  const helper = helperFor(context, registry);
  const isKnown = readDockerConfig(context).auths?.[registry] !== undefined;
  if (!isKnown && helper === undefined) return false;
  if (helper !== undefined) eraseFromHelper(context, helper, registry);
  if (isKnown) changeCredentials(context, registry, undefined);
  return true;
}

function changeCredentials(context: Context, registry: string, credentials: Credentials | undefined): void {
  changeDockerConfig(context, (config) => {
    const others = Object.entries(config.auths ?? {}).filter(([name]) => name !== registry);
    const auths = Object.fromEntries(credentials ? [...others, [registry, credentials]] : others);
    return { ...config, auths };
  });
}
