import type { Logger } from '#base/log.ts';
import type { Digest } from '#oci/digest.ts';
import type { Lease, Leases } from '#store/content.ts';
import type { ImageGarbage } from './image-garbage.ts';

/** Protection of what operations read and write while they run. */
export class WorkingSets {
  readonly #leases: Leases;
  readonly #garbage: ImageGarbage;
  readonly #logger: Logger;

  constructor(leases: Leases, garbage: ImageGarbage, logger: Logger) {
    this.#leases = leases;
    this.#garbage = garbage;
    this.#logger = logger;
  }

  /**
   * Protects what is named to it until it is disposed; what is then part of no image is deleted. Disposal never
   * throws: an error would hide why the operation failed, and the next start deletes what stays.
   */
  open(): Lease {
    const inner = this.#leases.open();
    const touched = new Set<Digest>();
    return {
      id: inner.id,
      protect: (...digests) => {
        for (const digest of digests) touched.add(digest);
        inner.protect(...digests);
      },
      [Symbol.asyncDispose]: async () => {
        await inner[Symbol.asyncDispose]();
        await this.#collect(touched);
      },
    };
  }

  async #collect(touched: ReadonlySet<Digest>): Promise<void> {
    try {
      await this.#garbage.collect({ blobs: touched, diffIds: touched });
    } catch (error) {
      this.#logger.warn('Cannot delete what an operation left', { error });
    }
  }
}
