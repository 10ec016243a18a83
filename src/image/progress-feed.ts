import { Condition } from '#base/condition.ts';
import type { LayerMovement } from './image-progress.ts';

/**
 * Movements of layers that are told from several places, as one stream. A reader that is slow misses counts of bytes
 * of a layer, never a step; memory stays bounded by the number of layers.
 */
export class ProgressFeed implements AsyncIterable<LayerMovement> {
  #queue: LayerMovement[] = [];
  readonly #arrived = new Condition();
  #ended = false;

  push(movement: LayerMovement): void {
    const last = this.#queue.findLastIndex(({ layer }) => layer === movement.layer);
    if (isOutdatedBy(this.#queue[last], movement)) this.#queue[last] = movement;
    else this.#queue.push(movement);
    this.#arrived.notifyAll();
  }

  end(): void {
    this.#ended = true;
    this.#arrived.notifyAll();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<LayerMovement> {
    for (;;) {
      const movements = this.#queue;
      this.#queue = [];
      yield* movements;
      if (this.#queue.length > 0) continue;
      if (this.#ended) return;
      await this.#arrived.wait();
    }
  }
}

function isOutdatedBy(last: LayerMovement | undefined, next: LayerMovement): boolean {
  return last?.kind === 'layer-bytes' && next.kind === 'layer-bytes' && last.step === next.step;
}
