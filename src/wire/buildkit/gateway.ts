/** moby.buildkit.v1.frontend.LLBBridge: the client that leads a build through its stages itself. */
import { PlatformMessage, SourceInfo, SourceRange, Stat, Status, WorkerRecord } from './common.ts';
import { CacheOptionsEntry } from './control.ts';
import { Definition, SourceMessage } from './ops.ts';
import { PolicyMessage } from './source-policy.ts';
import {
  blobs,
  bytes,
  flag,
  int32,
  int64,
  list,
  map,
  message,
  type MessageOf,
  sub,
  text,
  textMap,
} from './message.ts';

const APICap = message({ ID: text(1), Enabled: flag(2) });
export const PongResponse = message({
  FrontendAPICaps: list(1, APICap),
  LLBCaps: list(2, APICap),
  Workers: list(3, WorkerRecord),
});

export const Reference = message({ id: text(1), def: sub(2, Definition) });
const ReferenceMap = message({ refs: map(1, sub(2, Reference)) });
export const Result = message({
  refDeprecated: text(1),
  ref: sub(3, Reference),
  refs: sub(4, ReferenceMap),
  metadata: map(10, bytes(2)),
});
export type Result = MessageOf<typeof Result>;

export const BridgeSolveRequest = message({
  Definition: sub(1, Definition),
  Frontend: text(2),
  FrontendOpt: textMap(3),
  allowResultReturn: flag(5),
  allowResultArrayRef: flag(6),
  CacheImports: list(12, CacheOptionsEntry),
  FrontendInputs: map(13, sub(2, Definition)),
  Evaluate: flag(14),
  SourcePolicies: list(15, PolicyMessage),
});
export type BridgeSolveRequest = MessageOf<typeof BridgeSolveRequest>;
export const BridgeSolveResponse = message({ ref: text(1), result: sub(3, Result) });

export const ReturnRequest = message({ result: sub(1, Result), error: sub(2, Status) });

export const InputsResponse = message({ Definitions: map(1, sub(2, Definition)) });

export const EvaluateRequest = message({ Ref: text(1) });

export const ReadFileRequest = message({
  Ref: text(1),
  FilePath: text(2),
  Range: sub(3, message({ Offset: int64(1), Length: int64(2) })),
});
export const ReadFileResponse = message({ Data: bytes(1) });
export const ReadDirectoryRequest = message({ Ref: text(1), DirPath: text(2), IncludePattern: text(3) });
export const ReadDirectoryResponse = message({ entries: list(1, Stat) });
export const StatFileRequest = message({ Ref: text(1), Path: text(2) });
export const StatFileResponse = message({ stat: sub(1, Stat) });

export const WarnRequest = message({
  digest: text(1),
  level: int64(2),
  short: bytes(3),
  detail: blobs(4),
  url: text(5),
  info: sub(6, SourceInfo),
  ranges: list(7, SourceRange),
});
export type WarnRequest = MessageOf<typeof WarnRequest>;

export const ResolveImageRequest = message({
  Ref: text(1),
  Platform: sub(2, PlatformMessage),
  ResolveMode: text(3),
  ResolverType: int32(5),
  SessionID: text(6),
  StoreID: text(7),
  SourcePolicies: list(8, PolicyMessage),
});
export const ResolveImageResponse = message({ Digest: text(1), Config: bytes(2), Ref: text(3) });

export const ResolveSourceRequest = message({
  Source: sub(1, SourceMessage),
  Platform: sub(2, PlatformMessage),
  ResolveMode: text(4),
  SourcePolicies: list(8, PolicyMessage),
});
export const ResolveSourceResponse = message({
  Source: sub(1, SourceMessage),
  Image: sub(2, message({ Digest: text(1), Config: bytes(2) })),
});
