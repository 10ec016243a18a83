/** What the worker threads of this folder are asked to do, and the messages that carry it. */
import type { Digest } from '#oci/digest.ts';
import type { BlobInfo } from '#store/content.ts';
import type { FilesystemChange } from './layer.ts';
import type { ByteChannelEnd } from './byte-channel.ts';
import type { ChunkRing } from './chunk-ring.ts';
import type { ChangesJob } from './changes.ts';
import type { DiffJob } from './diff-tar.ts';
import type { ExtractJob } from './extract-tar.ts';
import type { GzipJob } from './gzip-file.ts';
import type { DamageJob } from './layer-damage.ts';
import type { PackJob } from './pack-tar.ts';
import type { FoundPath, LookJob } from './path-look.ts';
import type { UnpackArrivingJob, UnpackJob, UnpackResult } from './unpack.ts';

/** Each kind of job with what it takes and what it gives. */
export interface LayerJobs {
  /** A blob becomes a layer in a staging directory. */
  readonly unpack: { readonly input: UnpackJob; readonly output: UnpackResult };
  /** The same for a blob that is still being written. */
  readonly 'unpack-arriving': { readonly input: UnpackArrivingJob; readonly output: UnpackResult };
  readonly changes: { readonly input: ChangesJob; readonly output: readonly FilesystemChange[] };
  /** Writes a layer tar into a file. */
  readonly diff: { readonly input: DiffJob; readonly output: BlobInfo };
  /** What is at a path of a root, for `cp`. */
  readonly look: { readonly input: LookJob; readonly output: FoundPath };
  /** Writes a tar of a tree into its channel. */
  readonly pack: { readonly input: PackJob & ByteChannelEnd; readonly output: void };
  /** Reads a tar from its ring into a root. */
  readonly extract: { readonly input: ExtractJob & ChunkRing; readonly output: void };
  /** Blocks of a gzip stream, as many as are left. */
  readonly gzip: { readonly input: GzipJob; readonly output: BlobInfo | undefined };
  /** What is wrong with a layer. */
  readonly damage: { readonly input: DamageJob; readonly output: string | undefined };
  readonly hash: { readonly input: { readonly path: string }; readonly output: Digest };
  readonly usage: { readonly input: { readonly path: string }; readonly output: number };
  readonly delete: { readonly input: { readonly path: string }; readonly output: void };
}

export type JobKind = keyof LayerJobs;
