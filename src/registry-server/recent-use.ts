import type { Digest } from '#oci/digest.ts';
import type { Lease, Leases } from '#store/content.ts';

const ROTATION_MS = 10 * 60 * 1000;

/**
 * Protects what clients were just told to be there: a client that asks for a blob will name it in a manifest soon, and
 * must not find it collected in between. Everything is protected for at least ten minutes and at most twenty.
 */
export class RecentUse implements Lease {
  readonly id = 'registry';
  readonly #leases: Leases;
  #current: Lease;
  #previous: Lease | undefined;
  #rotatedAtMs = Date.now();

  constructor(leases: Leases) {
    this.#leases = leases;
    this.#current = leases.open();
  }

  protect(...digests: readonly Digest[]): void {
    this.rotate();
    this.#current.protect(...digests);
  }

  /** Releases what was not used lately. */
  rotate(nowMs = Date.now()): void {
    const age = nowMs - this.#rotatedAtMs;
    if (age < ROTATION_MS) return;
    void this.#previous?.[Symbol.asyncDispose]();
    this.#previous = this.#current;
    this.#current = this.#leases.open();
    this.#rotatedAtMs = nowMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#previous?.[Symbol.asyncDispose](), this.#current[Symbol.asyncDispose]()]);
  }
}
