/** The library's door: `import { Engine } from 'caisson'`. */
export { EngineError, type ErrorCode, isEngineError } from '#base/errors.ts';
export { createLogger, type Logger } from '#base/log.ts';
export type {
  AttachRequest,
  Attachment,
  Containers,
  ListRequest,
  LogsRequest,
  OutputChunk,
} from '#container/container.ts';
export type { ImageStore, ImportRequest } from '#image/image.ts';
export type { LogRecord } from '#log/log.ts';
export type { Networks } from '#network/network.ts';
export type { Volumes } from '#volume/volume.ts';
export { decodeCreateRequest } from '#wire/decode-create.ts';
export type {
  ContainerConfig,
  ContainerInspect,
  ContainerSummary,
  CreateRequest,
  HostConfig,
} from '#wire/container.ts';
export type { EventMessage } from '#wire/event.ts';
export type { EngineApi, EventQuery } from './engine.ts';
export type { EngineOptions } from './options.ts';
export { Engine } from './start.ts';
