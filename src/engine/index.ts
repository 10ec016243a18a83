/** The library's door: `import { Engine } from 'caisson'`. */
export { EngineError, type ErrorCode, isEngineError } from '#base/errors.ts';
export { type IpPrefix, parsePrefix } from '#base/ip-prefix.ts';
export { createLogger, type Logger } from '#base/log.ts';
export type {
  AttachRequest,
  Attachment,
  ContainerUpdate,
  Containers,
  CreateContainerRequest,
  ExecSpec,
  ListRequest,
  LogsRequest,
  OutputChunk,
  ExecView,
} from '#container/container.ts';
export type { ContainerListEntry, ContainerStats, ContainerView } from '#container/views.ts';
export type { ContainerSpec } from '#container/container-spec.ts';
export { newContainerSpec, type PartialContainerSpec } from '#container/new-container-spec.ts';
export type { ImageStore, ImportRequest, PullRequest, PushRequest } from '#image/image.ts';
export type { LogRecord } from '#log/log.ts';
export type { Networks, NetworkSpec, NetworkView } from '#network/network.ts';
export type { Volumes, VolumeSpec, VolumeView } from '#volume/volume.ts';
export type { EngineApi, EngineEvent, EngineInfo, EngineVersion, EventQuery } from './engine.ts';
export type { ExecOptions } from './library/exec-options.ts';
export type { LibraryContainers } from './library/run-container.ts';
export type { PublishedPort, RunMount, RunOptions } from './library/run-options.ts';
export type {
  HostAddress,
  LineOptions,
  ProcessOutput,
  RunningContainer,
} from './library/running-container.ts';
export type { EngineOptions } from './options.ts';
export { Engine } from './start.ts';
