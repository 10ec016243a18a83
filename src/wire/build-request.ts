/** What a client sends with `POST /caisson/build`: as `BuildRequest` of the builder, without streams. */
import {
  boolean,
  type Decoded,
  decodeStruct,
  map,
  object,
  parseJson,
  slice,
  string,
  struct,
  withZero,
} from './go-json.ts';

const texts = withZero(map(string), () => ({}));
const list = withZero(slice(string), () => []);

const TYPED = struct('TypedAttributes', { type: string, attributes: texts });
export type WireTypedAttributes = Decoded<typeof TYPED>;
const typed = withZero(slice(TYPED), () => []);

const REQUEST = struct('BuildRequest', {
  /** What the client's directories are known by between builds; empty: they are not. */
  sharedKey: string,
  /** Empty: the client's directory `context`; `-`: an archive that it sends; else a URL. */
  context: string,
  /** By name: `local:DIRECTORY`, `docker-image://REFERENCE`, `oci-layout://DIRECTORY@DIGEST`, or a URL. */
  namedContexts: texts,
  dockerfile: string,
  /** The Dockerfile is in the client's directory `dockerfile`, wherever the context is. */
  hasDockerfile: boolean,
  target: string,
  buildArgs: texts,
  labels: texts,
  references: list,
  noCache: boolean,
  noCacheStages: list,
  pull: boolean,
  squash: boolean,
  platforms: list,
  /** Fields of the API's HostConfig. */
  hostConfig: object,
  entitlements: list,
  outputs: typed,
  cacheFrom: typed,
  cacheTo: typed,
  attestations: withZero(map(texts), () => ({})),
  /** `check`, `outline`, `targets`, or empty. */
  subrequest: string,
});
export type WireBuildRequest = Decoded<typeof REQUEST>;

/** @throws {EngineError} `invalid` */
export function decodeBuildRequest(body: string): WireBuildRequest {
  return decodeStruct(parseJson(body), REQUEST);
}
