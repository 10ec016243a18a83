/** `GET /images/{name}/explore`: what each layer of an image does, and what of it is wasted. Not in Docker's API. */

export interface ImageExploration {
  readonly Id: string;
  /** Bytes of file contents in all layers. */
  readonly Size: number;
  /** Bytes of layers that no container sees: replaced or removed by layers above. */
  readonly WastedSize: number;
  /** From 0 to 1: the part of `Size` that is not wasted; 1 for an image without contents. */
  readonly Efficiency: number;
  /** Bottom first. */
  readonly Layers: readonly ExploredLayer[];
  /** The paths that waste most, largest first. */
  readonly Wasted: readonly WastedPath[];
}

export interface ExploredLayer {
  readonly DiffId: string;
  /** The instruction that made it, as the image's history has it. */
  readonly Command: string;
  readonly Size: number;
  readonly WastedSize: number;
  readonly Added: number;
  readonly Changed: number;
  readonly Removed: number;
  /** Sorted by path; absent if not asked for. */
  readonly Files?: readonly ExploredFile[];
}

export type ExploredKind = 'added' | 'changed' | 'removed';

export interface ExploredFile {
  /** Absolute. */
  readonly Path: string;
  readonly Kind: ExploredKind;
  readonly Type: string;
  /** Bytes in this layer; of what was removed, the bytes that it had below. */
  readonly Size: number;
}

interface WastedPath {
  readonly Path: string;
  readonly Size: number;
  /** How many times a layer brought the file although a layer above replaces or removes it. */
  readonly Count: number;
}
