/** What is told while images come and go. */
import type { Digest } from '#oci/digest.ts';

/** Everything about one layer is told in order; of its bytes, intermediate counts may be left out. */
export type LayerMovement =
  | { readonly kind: 'layer'; readonly layer: Digest; readonly step: LayerStep }
  | {
      readonly kind: 'layer-bytes';
      /** The digest of the blob that comes, the diff ID of the layer that goes. */
      readonly layer: Digest;
      readonly step: 'downloading' | 'extracting' | 'preparing' | 'pushing';
      readonly doneBytes: number;
      readonly totalBytes: number;
    }
  /** The registry has taken it over from another repository of its own. */
  | { readonly kind: 'layer-mounted'; readonly layer: Digest; readonly from: string };

export type LayerStep =
  /** Pull: it was here before. */
  | 'present'
  /** Pull: it is to be fetched. */
  | 'queued'
  /** Others are being transferred first. */
  | 'waiting'
  | 'verifying'
  | 'downloaded'
  /** Pull: it is unpacked. */
  | 'completed'
  | 'preparing'
  /** Push: the registry has it. */
  | 'at-registry'
  | 'pushed';

export type PullProgress =
  | LayerMovement
  /** `target`: tag or digest; `path`: of the repository, without the registry. */
  | { readonly kind: 'pulling'; readonly path: string; readonly target: string }
  /** What the target means. */
  | { readonly kind: 'resolved'; readonly digest: Digest }
  /** The end. The image is visible and durable. */
  | { readonly kind: 'pulled'; readonly name: string; readonly isNew: boolean };

export type PushProgress =
  | LayerMovement
  | { readonly kind: 'pushing'; readonly repository: string }
  /** The end of one tag. */
  | {
      readonly kind: 'pushed-tag';
      readonly tag: string;
      readonly digest: Digest;
      /** The manifest's size. */
      readonly sizeBytes: number;
    };

export type LoadProgress =
  /** A large file of the archive has arrived; its name there, or the digits of its digest. */
  | { readonly kind: 'arrived'; readonly file: string; readonly sizeBytes: number }
  /** The name meant another image before. */
  | { readonly kind: 'renamed'; readonly name: string; readonly previous: Digest }
  /** Without names: an image that has none. The image is visible and durable. */
  | { readonly kind: 'loaded'; readonly id: Digest; readonly names: readonly string[] };

export type ImageProgress = PullProgress | PushProgress | LoadProgress;
