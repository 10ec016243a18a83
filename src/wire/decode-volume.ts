/** `POST /volumes/create`. */
import { decodeStruct, map, parseJson, required, string, struct } from './go-json.ts';

export interface VolumeCreateRequest {
  /** Empty: anonymous. */
  readonly Name: string;
  /** Empty: `local`. */
  readonly Driver: string;
  readonly DriverOpts: Readonly<Record<string, string>> | null;
  readonly Labels: Readonly<Record<string, string>> | null;
}

const VOLUME = struct<VolumeCreateRequest>('CreateOptions', {
  Name: required(string),
  Driver: required(string),
  DriverOpts: required(map(string)),
  Labels: required(map(string)),
});

/** @throws {EngineError} `invalid` */
export function decodeVolumeRequest(body: string): VolumeCreateRequest {
  return decodeStruct(parseJson(body), VOLUME);
}
