/** What a vertex is solved with, and what it makes. */
import type { ImageLayer } from '#image/image-record.ts';
import type { Lease } from '#store/content.ts';
import type { MergeVertex, OutputVertex, Solved } from '../definition/vertex.ts';
import type { Operation } from '../plan/plan.ts';
import type { BuildSession } from '../session/build-session.ts';
import type { StepLog } from './step-log.ts';

export interface VertexWork {
  /** Bottom first. */
  readonly below: readonly ImageLayer[];
  readonly lease: Lease;
  readonly log: StepLog;
  readonly signal: AbortSignal;
  readonly session?: BuildSession;
}

/** Merges have nothing to solve, and outputs are solved with their command. */
export type SolvedAlone = Exclude<Operation, MergeVertex | OutputVertex>;

/** What a vertex has changed; each layer is absent where that is nothing. */
export type VertexLayers = Pick<Solved, 'layer' | 'outputs'>;
