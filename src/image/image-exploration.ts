/** What each layer of an image does, and what of it is wasted. */
import type { Digest } from '#oci/digest.ts';
import type { TarEntryType } from '#oci/tar-header.ts';

export interface ImageExploration {
  readonly id: Digest;
  /** Bytes of file contents in all layers. */
  readonly sizeBytes: number;
  /** Bytes of layers that no container sees: replaced or removed by layers above. */
  readonly wastedBytes: number;
  /** From 0 to 1: the part of all bytes that is not wasted; 1 for an image without contents. */
  readonly efficiency: number;
  /** Bottom first. */
  readonly layers: readonly ExploredLayer[];
  /** The paths that waste most, largest first. */
  readonly wasted: readonly WastedPath[];
}

export interface ExploredLayer {
  readonly diffId: Digest;
  /** The instruction that made it, as the image's history has it. */
  readonly command: string;
  readonly sizeBytes: number;
  readonly wastedBytes: number;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  /** Sorted by path; absent if not asked for. */
  readonly files?: readonly ExploredFile[];
}

export type ExploredKind = 'added' | 'changed' | 'removed';

export interface ExploredFile {
  /** Absolute. */
  readonly path: string;
  readonly kind: ExploredKind;
  readonly type: TarEntryType;
  /** Bytes in this layer; of what was removed, the bytes that it had below. */
  readonly sizeBytes: number;
}

export interface WastedPath {
  readonly path: string;
  readonly sizeBytes: number;
  /** How many times a layer brought it in vain. */
  readonly count: number;
}
