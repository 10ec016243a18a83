/** moby.buildkit.v1.Control: what clients ask a builder for. */
import { BuildkitVersion, SourceInfo, SourceRange, Timestamp, WorkerRecord } from './common.ts';
import {
  blobs,
  bytes,
  flag,
  int64,
  list,
  map,
  message,
  type InputOf,
  type MessageOf,
  sub,
  text,
  textMap,
  texts,
} from './message.ts';
import { Definition } from './ops.ts';
import { PolicyMessage } from './source-policy.ts';

export const ListWorkersRequest = message({ filter: texts(1) });
export const ListWorkersResponse = message({ record: list(1, WorkerRecord) });

export const InfoRequest = message({});
export const InfoResponse = message({ buildkitVersion: sub(1, BuildkitVersion) });

const ExporterMessage = message({ Type: text(1), Attrs: textMap(2) });
export const CacheOptionsEntry = message({ Type: text(1), Attrs: textMap(2) });
export type CacheOptionsEntry = MessageOf<typeof CacheOptionsEntry>;

const CacheOptions = message({
  ExportRefDeprecated: text(1),
  ImportRefsDeprecated: texts(2),
  ExportAttrsDeprecated: textMap(3),
  Exports: list(4, CacheOptionsEntry),
  Imports: list(5, CacheOptionsEntry),
});

export const SolveRequest = message({
  Ref: text(1),
  /** A graph of the client's own. */
  Definition: sub(2, Definition),
  ExporterDeprecated: text(3),
  ExporterAttrsDeprecated: textMap(4),
  Session: text(5),
  Frontend: text(6),
  FrontendAttrs: textMap(7),
  Cache: sub(8, CacheOptions),
  Entitlements: texts(9),
  FrontendInputs: map(10, sub(2, Definition)),
  Internal: flag(11),
  SourcePolicy: sub(12, PolicyMessage),
  Exporters: list(13, ExporterMessage),
  /** The session that is asked about each source; empty: none is. */
  SourcePolicySession: text(15),
});
export type SolveRequest = MessageOf<typeof SolveRequest>;
export const SolveResponse = message({ ExporterResponse: textMap(1) });

export const StatusRequest = message({ Ref: text(1) });

const StatusVertex = message({
  digest: text(1),
  inputs: texts(2),
  name: text(3),
  cached: flag(4),
  started: sub(5, Timestamp),
  completed: sub(6, Timestamp),
  error: text(7),
});

const VertexStatusMessage = message({
  ID: text(1),
  vertex: text(2),
  name: text(3),
  current: int64(4),
  total: int64(5),
  timestamp: sub(6, Timestamp),
  started: sub(7, Timestamp),
  completed: sub(8, Timestamp),
});

const VertexLog = message({
  vertex: text(1),
  timestamp: sub(2, Timestamp),
  /** 1: stdout, 2: stderr. */
  stream: int64(3),
  msg: bytes(4),
});

const VertexWarning = message({
  vertex: text(1),
  level: int64(2),
  short: bytes(3),
  detail: blobs(4),
  url: text(5),
  info: sub(6, SourceInfo),
  ranges: list(7, SourceRange),
});

export const StatusResponse = message({
  vertexes: list(1, StatusVertex),
  statuses: list(2, VertexStatusMessage),
  logs: list(3, VertexLog),
  warnings: list(4, VertexWarning),
});
export type StatusInput = InputOf<typeof StatusResponse>;

export const UsageRecord = message({
  ID: text(1),
  Mutable: flag(2),
  InUse: flag(3),
  Size: int64(4),
  CreatedAt: sub(6, Timestamp),
  LastUsedAt: sub(7, Timestamp),
  UsageCount: int64(8),
  Description: text(9),
  RecordType: text(10),
  Shared: flag(11),
  Parents: texts(12),
});
export const DiskUsageRequest = message({ filter: texts(1), ageLimit: int64(2) });
export const DiskUsageResponse = message({ record: list(1, UsageRecord) });

export const PruneRequest = message({
  filter: texts(1),
  all: flag(2),
  /** Nanoseconds. */
  keepDuration: int64(3),
  reservedSpace: int64(4),
  maxUsedSpace: int64(5),
  minFreeSpace: int64(6),
});

export const BuildHistoryRequest = message({
  ActiveOnly: flag(1),
  Ref: text(2),
  EarlyExit: flag(3),
  Filter: texts(4),
});
/** The engine keeps no history, so there are no events. */
export const BuildHistoryEvent = message({});
export const UpdateBuildHistoryRequest = message({ Ref: text(1) });
