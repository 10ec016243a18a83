/** moby.buildkit.v1.frontend.LLBBridge: the client that leads a build through its stages itself. */
import { PlatformMessage, Stat, Status, WorkerRecord } from './common.ts';
import { CacheOptionsEntry } from './control.ts';
import { bytes, flag, int64, list, map, message, type MessageOf, sub, text, textMap } from './message.ts';

const APICap = message({ ID: text(1), Enabled: flag(2) });
export const PongResponse = message({
  FrontendAPICaps: list(1, APICap),
  LLBCaps: list(2, APICap),
  Workers: list(3, WorkerRecord),
});

const Reference = message({ id: text(1), def: bytes(2) });
const ReferenceMap = message({ refs: map(1, sub(2, Reference)) });
export const Result = message({
  refDeprecated: text(1),
  ref: sub(3, Reference),
  refs: sub(4, ReferenceMap),
  metadata: map(10, bytes(2)),
});
export type Result = MessageOf<typeof Result>;

export const BridgeSolveRequest = message({
  Definition: bytes(1),
  Frontend: text(2),
  FrontendOpt: textMap(3),
  allowResultReturn: flag(5),
  allowResultArrayRef: flag(6),
  CacheImports: list(12, CacheOptionsEntry),
  FrontendInputs: map(13, bytes(2)),
  Evaluate: flag(14),
});
export type BridgeSolveRequest = MessageOf<typeof BridgeSolveRequest>;
export const BridgeSolveResponse = message({ ref: text(1), result: sub(3, Result) });

export const ReturnRequest = message({ result: sub(1, Result), error: sub(2, Status) });

export const ResolveImageConfigRequest = message({
  Ref: text(1),
  Platform: sub(2, PlatformMessage),
  ResolveMode: text(3),
});
export const ResolveImageConfigResponse = message({ Digest: text(1), Config: bytes(2), Ref: text(3) });

const SourceOp = message({ identifier: text(1), attrs: textMap(2) });
export const ResolveSourceMetaRequest = message({ Source: sub(1, SourceOp) });
const ImageMeta = message({ Digest: text(1), Config: bytes(2) });
export const ResolveSourceMetaResponse = message({ Source: sub(1, SourceOp), Image: sub(2, ImageMeta) });

const FileRange = message({ Offset: int64(1), Length: int64(2) });
export const ReadFileRequest = message({ Ref: text(1), FilePath: text(2), Range: sub(3, FileRange) });
export const ReadFileResponse = message({ Data: bytes(1) });
export const ReadDirRequest = message({ Ref: text(1), DirPath: text(2), IncludePattern: text(3) });
export const ReadDirResponse = message({ entries: list(1, Stat) });
export const StatFileRequest = message({ Ref: text(1), Path: text(2) });
export const StatFileResponse = message({ stat: sub(1, Stat) });
export const EvaluateRequest = message({ Ref: text(1) });
