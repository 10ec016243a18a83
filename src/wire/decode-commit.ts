import type { ContainerConfig } from './container.ts';
import { containerConfig } from './decode-container-config.ts';
import { decodeStruct, parseJson } from './go-json.ts';

/** The body of `POST /commit`: a configuration, which may be empty or absent. @throws {EngineError} `invalid` */
export function decodeCommitConfig(body: string): ContainerConfig {
  return decodeStruct(parseJson(body) ?? {}, containerConfig);
}
