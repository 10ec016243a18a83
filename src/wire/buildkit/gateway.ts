/** moby.buildkit.v1.frontend.LLBBridge: the client that leads a build through its stages itself. */
import { Empty, Status, WorkerRecord } from './common.ts';
import { CacheOptionsEntry } from './control.ts';
import {
  blobs,
  bytes,
  flag,
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

/** pb.SourceOp, pb.Op, pb.Definition: a graph, as far as results are told as one. */
const SourceOp = message({ identifier: text(1), attrs: textMap(2) });
const OpInput = message({ digest: text(1), index: int64(2) });
export const Op = message({ inputs: list(1, OpInput), source: sub(3, SourceOp) });
/** Clients want metadata of each operation, whatever it says. */
export const Definition = message({ def: blobs(1), metadata: map(2, sub(2, Empty)) });

const Reference = message({ id: text(1), def: sub(2, Definition) });
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
  FrontendInputs: map(13, sub(2, Definition)),
  Evaluate: flag(14),
});
export type BridgeSolveRequest = MessageOf<typeof BridgeSolveRequest>;
export const BridgeSolveResponse = message({ ref: text(1), result: sub(3, Result) });

export const ReturnRequest = message({ result: sub(1, Result), error: sub(2, Status) });

export const EvaluateRequest = message({ Ref: text(1) });
