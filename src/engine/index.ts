/** The library's door: `import { Engine } from 'caisson'`. */
export { EngineError, type ErrorCode, isEngineError } from '#base/errors.ts';
export { createLogger, type Logger } from '#base/log.ts';
export type {
  AttachRequest,
  Attachment,
  ContainerListEntry,
  ContainerStats,
  ContainerUpdate,
  ContainerView,
  Containers,
  CreateContainerRequest,
  ExecSpec,
  ExecView,
  ListRequest,
  LogsRequest,
  OutputChunk,
} from '#container/container.ts';
export type { ContainerSpec } from '#container/container-spec.ts';
export { newContainerSpec, type PartialContainerSpec } from '#container/new-container-spec.ts';
export type { ImageStore, ImportRequest } from '#image/image.ts';
export type { LogRecord } from '#log/log.ts';
export type { Networks } from '#network/network.ts';
export type { Volumes } from '#volume/volume.ts';
export type { EngineApi, EngineEvent, EngineInfo, EngineVersion, EventQuery } from './engine.ts';
export type { EngineOptions } from './options.ts';
export { Engine } from './start.ts';
