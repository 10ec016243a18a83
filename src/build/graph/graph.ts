/**
 * Graphs that clients write themselves ("LLB"): file systems and what makes them, before anybody has looked at images
 * or files.
 *
 * Vocabulary. An *operation* is known by the digest of its message, which names the operations it needs by theirs: what
 * refers to itself cannot be written down. It has one or several *outputs*, file systems by their numbers.
 *
 * Life cycle. {@link readGraph} verifies a definition → `planGraph` resolves its sources and makes vertices of it, which
 * are solved with the cache of all other builds.
 */
import type { Digest } from '#oci/digest.ts';
import type { Op } from '#wire/buildkit/ops.ts';
import type { StepPlace } from '../build.ts';

export interface Operation {
  readonly digest: Digest;
  readonly op: Op;
  readonly inputs: readonly Output[];
  /** As progress displays show it. */
  readonly name: string;
  /** Nothing is looked up for it. */
  readonly isFresh: boolean;
  /** In the file that it was made from. */
  readonly place?: StepPlace;
}

export interface Output {
  readonly operation: Operation;
  readonly index: number;
}

export interface Graph {
  /** What the result needs, each after what it needs itself. */
  readonly operations: readonly Operation[];
  /** Undefined: nothing. */
  readonly result: Output | undefined;
}
