/** `POST /volumes/create`. */
import { type Decoded, decodeStruct, map, parseJson, string, struct } from './go-json.ts';

const VOLUME = struct('CreateOptions', {
  /** Empty: anonymous. */
  Name: string,
  /** Empty: `local`. */
  Driver: string,
  DriverOpts: map(string),
  Labels: map(string),
});
type VolumeCreateRequest = Decoded<typeof VOLUME>;

/** @throws {EngineError} `invalid` */
export function decodeVolumeRequest(body: string): VolumeCreateRequest {
  return decodeStruct(parseJson(body), VOLUME);
}
