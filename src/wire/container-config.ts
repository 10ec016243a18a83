/** The part of `POST /containers/create` (and of an image's configuration) that travels to any host. */
import {
  boolean,
  type Decoded,
  integer,
  map,
  object,
  omitEmpty,
  optional,
  slice,
  string,
  stringOrSlice,
  struct,
  withZero,
} from './go-json.ts';

const healthConfig = struct('HealthConfig', {
  Test: omitEmpty(slice(string)),
  /** Durations are nanoseconds. */
  Interval: omitEmpty(integer),
  Timeout: omitEmpty(integer),
  Retries: omitEmpty(integer),
  StartPeriod: omitEmpty(integer),
  StartInterval: omitEmpty(integer),
});
export type HealthConfig = Decoded<typeof healthConfig>;

/** What may be recorded in an image and travels to any host. As sent, with Go's zeros for what was not. */
export const containerConfig = struct('ContainerConfigWrapper', {
  Hostname: string,
  Domainname: string,
  User: string,
  AttachStdin: boolean,
  AttachStdout: boolean,
  AttachStderr: boolean,
  ExposedPorts: omitEmpty(map(object)),
  Tty: boolean,
  OpenStdin: boolean,
  StdinOnce: boolean,
  Env: slice(string),
  Cmd: stringOrSlice,
  Healthcheck: optional(healthConfig),
  ArgsEscaped: omitEmpty(boolean),
  Image: string,
  Volumes: map(object),
  WorkingDir: string,
  Entrypoint: stringOrSlice,
  NetworkDisabled: omitEmpty(boolean),
  MacAddress: omitEmpty(string),
  OnBuild: slice(string),
  Labels: withZero<Readonly<Record<string, string>> | null>(map(string), () => ({})),
  StopSignal: omitEmpty(string),
  /** Seconds. */
  StopTimeout: optional(integer),
  Shell: omitEmpty(withZero(stringOrSlice, () => [])),
});
export type ContainerConfig = Decoded<typeof containerConfig>;
