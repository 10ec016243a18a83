/** `POST /volumes/create`. */
import { type Decoded, decodeStruct, map, nullable, object, parseJson, string, struct } from './go-json.ts';

const VOLUME = struct('CreateOptions', {
  /** Empty: anonymous. */
  Name: string,
  /** Empty: `local`. */
  Driver: string,
  DriverOpts: map(string),
  Labels: map(string),
  /** For volumes of a swarm. */
  ClusterVolumeSpec: nullable(object),
});
type VolumeCreateRequest = Decoded<typeof VOLUME>;

/** @throws {EngineError} `invalid` */
export function decodeVolumeRequest(body: string): VolumeCreateRequest {
  return decodeStruct(parseJson(body), VOLUME);
}
