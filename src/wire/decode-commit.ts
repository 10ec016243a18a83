import type { ImageDefaults } from '#oci/image-defaults.ts';
import { containerConfig } from './container-config.ts';
import { decodeStruct, parseJson } from './go-json.ts';

/** What of a configuration an image keeps. */
const IMAGE_FIELDS: ReadonlySet<string> = new Set([
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'StopTimeout',
  'ArgsEscaped',
  'Healthcheck',
  'OnBuild',
  'Shell',
] satisfies readonly (keyof ImageDefaults)[]);

/**
 * The body of `POST /commit`: a configuration.
 *
 * @returns undefined if none is given: an absent body, `null`, `{}`
 * @throws {EngineError} `invalid`
 */
export function decodeCommitConfig(body: string): ImageDefaults | undefined {
  const given = parseJson(body) ?? {};
  const isEmpty = typeof given === 'object' && !Array.isArray(given) && Object.keys(given).length === 0;
  if (isEmpty) return undefined;
  const config = Object.entries(decodeStruct(given, containerConfig));
  return Object.fromEntries(config.filter(([name, value]) => IMAGE_FIELDS.has(name) && value !== null));
}
