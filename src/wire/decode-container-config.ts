/** The part of `POST /containers/create` (and of an image's configuration) that travels to any host. */
import type { ContainerConfig, HealthConfig } from './container.ts';
import {
  boolean,
  integer,
  map,
  object,
  omitEmpty,
  optional,
  required,
  slice,
  string,
  stringOrSlice,
  struct,
  withZero,
} from './go-json.ts';

const healthConfig = struct<HealthConfig>('HealthConfig', {
  Test: omitEmpty(slice(string)),
  Interval: omitEmpty(integer),
  Timeout: omitEmpty(integer),
  Retries: omitEmpty(integer),
  StartPeriod: omitEmpty(integer),
  StartInterval: omitEmpty(integer),
});

/** As sent, with Go's zeros for what was not. */
export const containerConfig = struct<ContainerConfig>('ContainerConfigWrapper', {
  Hostname: required(string),
  Domainname: required(string),
  User: required(string),
  AttachStdin: required(boolean),
  AttachStdout: required(boolean),
  AttachStderr: required(boolean),
  ExposedPorts: omitEmpty(map(object)),
  Tty: required(boolean),
  OpenStdin: required(boolean),
  StdinOnce: required(boolean),
  Env: required(slice(string)),
  Cmd: required(stringOrSlice),
  Healthcheck: optional(healthConfig),
  ArgsEscaped: omitEmpty(boolean),
  Image: required(string),
  Volumes: required(map(object)),
  WorkingDir: required(string),
  Entrypoint: required(stringOrSlice),
  NetworkDisabled: omitEmpty(boolean),
  MacAddress: omitEmpty(string),
  OnBuild: required(slice(string)),
  Labels: required(withZero(map(string), () => ({}))),
  StopSignal: omitEmpty(string),
  StopTimeout: optional(integer),
  Shell: omitEmpty(withZero(stringOrSlice, () => [])),
});
