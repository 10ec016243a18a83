import type { ContainerConfig } from './container.ts';
import { containerConfig } from './decode-container-config.ts';
import { decodeStruct, parseJson } from './go-json.ts';

/**
 * The body of `POST /commit`: a configuration.
 *
 * @returns undefined if none is given: an absent body, `null`, `{}`
 * @throws {EngineError} `invalid`
 */
export function decodeCommitConfig(body: string): ContainerConfig | undefined {
  const given = parseJson(body) ?? {};
  const isEmpty = typeof given === 'object' && !Array.isArray(given) && Object.keys(given).length === 0;
  return isEmpty ? undefined : decodeStruct(given, containerConfig);
}
