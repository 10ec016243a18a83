import type { Digest } from '#oci/digest.ts';
import type { LayerMovement, LayerStep } from './image-progress.ts';

/** People do not see more. */
const INTERVAL_MS = 100;

export type ReportProgress = (movement: LayerMovement) => void;

/** Tells of one layer's way here or away. */
export class LayerProgress {
  readonly layer: Digest;
  readonly #report: ReportProgress;
  #reportedAtMs = 0;
  #moving: string | undefined;

  constructor(layer: Digest, report: ReportProgress) {
    this.layer = layer;
    this.#report = report;
  }

  step(step: LayerStep): void {
    this.#report({ kind: 'layer', layer: this.layer, step });
  }

  mounted(from: string): void {
    this.#report({ kind: 'layer-mounted', layer: this.layer, from });
  }

  /** Bytes so far; told now and then, and at once where something else begins. */
  bytes(
    step: 'downloading' | 'extracting' | 'preparing' | 'pushing',
    doneBytes: number,
    totalBytes: number,
  ): void {
    const now = Date.now();
    if (step === this.#moving && now - this.#reportedAtMs < INTERVAL_MS) return;
    this.#moving = step;
    this.#reportedAtMs = now;
    this.#report({ kind: 'layer-bytes', layer: this.layer, step, doneBytes, totalBytes });
  }
}
