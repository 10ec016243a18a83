import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject } from '#base/json.ts';
import { parseDetachKeys } from '#base/detach-keys.ts';
import { unlessErrno } from '#base/errno.ts';
import { messageOf } from '#base/errors.ts';
import type { Context } from './context.ts';

/** Docker's own client configuration, where the user has one: what it says holds for this program too. */
export interface DockerConfig {
  readonly psFormat?: string;
  readonly imagesFormat?: string;
  readonly networksFormat?: string;
  readonly volumesFormat?: string;
  readonly statsFormat?: string;
  readonly pluginsFormat?: string;
  readonly detachKeys?: string;
  /** The context in which engines are talked to where no flag and no variable names another one. */
  readonly currentContext?: string | undefined;
  /** Sent with every request to the engine. */
  readonly HttpHeaders?: Readonly<Record<string, string>>;
  /** What containers and builds are told about proxies, by the engine's address or `default`. */
  readonly proxies?: Readonly<Record<string, ProxyConfig>>;
  /** Filters that every `prune` adds: `label=…` and `label!=…`. */
  readonly pruneFilters?: readonly string[];
  /** Suffix of the program that keeps all credentials. */
  readonly credsStore?: string;
  /** The same for single registries. */
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
}

export interface ProxyConfig {
  readonly httpProxy?: string;
  readonly httpsProxy?: string;
  readonly noProxy?: string;
  readonly ftpProxy?: string;
  readonly allProxy?: string;
}

/** The directory of `--config`, `DOCKER_CONFIG`, or `~/.docker`. */
export function dockerConfigDirectory({ environment }: Pick<Context, 'environment'>): string {
  return environment['DOCKER_CONFIG'] || join(environment['HOME'] ?? '/root', '.docker');
}

export function dockerConfigPath(context: Context): string {
  return join(dockerConfigDirectory(context), 'config.json');
}

/** What was read for an environment: the file is read, and its faults are told, once a program. */
const known = new WeakMap<Context['environment'], DockerConfig>();

/** An absent file is an empty one; so is one that cannot be used, after a warning. */
export function readDockerConfig(context: Context): DockerConfig {
  const read = known.get(context.environment);
  if (read) return read;
  let config: DockerConfig = {};
  try {
    config = loadDockerConfig(context);
  } catch (error) {
    context.say(`WARNING: Error loading config file: ${dockerConfigPath(context)}: ${messageOf(error)}`);
  }
  known.set(context.environment, config);
  return config;
}

/** The file as it is now, for changing it. @throws {Error} if it is there and cannot be used */
export function loadDockerConfig(context: Context): DockerConfig {
  known.delete(context.environment);
  const text = unlessErrno(() => readFileSync(dockerConfigPath(context), 'utf8'), 'ENOENT') ?? '';
  const decoded: unknown = text.trim() === '' ? {} : JSON.parse(text);
  if (!isObject(decoded)) throw new TypeError('it is no JSON object');
  for (const [key, kind] of Object.entries(KINDS)) {
    const value = decoded[key];
    if (value !== undefined && value !== null && !kind(value))
      throw new TypeError(`"${key}" has another type`);
  }
  return decoded;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isTexts: Check = (value) => isObject(value) && Object.values(value).every(isText);
const isObjects: Check = (value) => isObject(value) && Object.values(value).every(isObject);

const KINDS: Readonly<Record<keyof DockerConfig, Check>> = {
  psFormat: isText,
  imagesFormat: isText,
  networksFormat: isText,
  volumesFormat: isText,
  statsFormat: isText,
  pluginsFormat: isText,
  detachKeys: isText,
  currentContext: isText,
  HttpHeaders: isTexts,
  proxies: isObjects,
  pruneFilters: (value) => Array.isArray(value) && value.every(isText),
  credsStore: isText,
  credHelpers: isTexts,
  auths: isObjects,
};

type FormatKey =
  | 'psFormat'
  | 'imagesFormat'
  | 'networksFormat'
  | 'volumesFormat'
  | 'statsFormat'
  | 'pluginsFormat';

export function configuredFormat(context: Context, key: FormatKey): string {
  return readDockerConfig(context)[key] ?? '';
}

/**
 * The keys that leave a container: those of the flag, else the configured ones; empty for the engine's own.
 *
 * @throws {EngineError} `invalid` for what are no keys, before the engine is asked for anything
 */
export function detachKeysOf(context: Context, flag: string): string {
  const keys = flag || (readDockerConfig(context).detachKeys ?? '');
  if (keys !== '') parseDetachKeys(keys);
  return keys;
}
