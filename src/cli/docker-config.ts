import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from './context.ts';

/** Docker's own client configuration, where the user has one: formats and credentials are taken from it. */
export interface DockerConfig {
  readonly psFormat?: string;
  readonly imagesFormat?: string;
  readonly networksFormat?: string;
  readonly volumesFormat?: string;
  readonly detachKeys?: string;
  /** Suffix of the program that keeps all credentials. */
  readonly credsStore?: string;
  /** The same for single registries. */
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
}

export function dockerConfigPath(context: Context): string {
  const { environment } = context;
  return join(environment['DOCKER_CONFIG'] || join(environment['HOME'] ?? '/root', '.docker'), 'config.json');
}

/** An absent or unreadable file is an empty one. */
export function readDockerConfig(context: Context): DockerConfig {
  try {
    return JSON.parse(readFileSync(dockerConfigPath(context), 'utf8'));
  } catch {
    return {};
  }
}

export function configuredFormat(
  context: Context,
  key: 'psFormat' | 'imagesFormat' | 'networksFormat' | 'volumesFormat',
): string {
  return readDockerConfig(context)[key] ?? '';
}
