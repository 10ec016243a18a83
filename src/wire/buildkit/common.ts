/** Messages that several of BuildKit's services use: google.protobuf, google.rpc, solver/pb, fsutil. */
import {
  bigint64,
  bytes,
  fileName,
  int32,
  int64,
  list,
  map,
  message,
  type MessageOf,
  sub,
  text,
  textMap,
  texts,
  uint32,
} from './message.ts';

export const Empty = message({});

/** google.protobuf.Timestamp */
export const Timestamp = message({ seconds: int64(1), nanos: int32(2) });
export type Timestamp = MessageOf<typeof Timestamp>;

/** google.protobuf.Any */
const Any = message({ typeUrl: text(1), value: bytes(2) });

/** google.rpc.Status */
export const Status = message({ code: int32(1), message: text(2), details: list(3, Any) });
export type Status = MessageOf<typeof Status>;

/** Lines count from 1. */
const Position = message({ line: int32(1), character: int32(2) });
export const SourceRange = message({ start: sub(1, Position), end: sub(2, Position) });

/** A Dockerfile. */
export const SourceInfo = message({
  filename: text(1),
  data: bytes(2),
  /** The graph that it came from, which the engine does not read. */
  definition: bytes(3),
  language: text(4),
});

/** pb.Platform */
export const PlatformMessage = message({ Architecture: text(1), OS: text(2), Variant: text(3) });

/** moby.buildkit.v1.types.WorkerRecord */
const GcPolicy = message({ keepDuration: int64(2), maxUsedSpace: int64(3), filters: texts(4) });
export const BuildkitVersion = message({ package: text(1), version: text(2), revision: text(3) });
export const WorkerRecord = message({
  ID: text(1),
  Labels: textMap(2),
  platforms: list(3, PlatformMessage),
  GCPolicy: list(4, GcPolicy),
  BuildkitVersion: sub(5, BuildkitVersion),
});

/** fsutil.types.Stat; `mode` is Go's FileMode. */
export const Stat = message({
  path: fileName(1),
  mode: uint32(2),
  uid: uint32(3),
  gid: uint32(4),
  size: int64(5),
  modTime: bigint64(6),
  linkname: fileName(7),
  devmajor: int64(8),
  devminor: int64(9),
  xattrs: map(10, bytes(2)),
});
export type Stat = MessageOf<typeof Stat>;

/** A piece of a stream of bytes, in several services. */
export const BytesMessage = message({ data: bytes(1) });

export function timestamp(atMs: number): Timestamp {
  const seconds = Math.floor(atMs / 1000);
  return { seconds, nanos: Math.round((atMs - seconds * 1000) * 1e6) };
}
