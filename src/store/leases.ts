import { randomUUID } from 'node:crypto';
import type { Digest } from '#oci/digest.ts';
import type { Lease, Leases } from './content.ts';
import { type Expendable, nothingExpendable } from './expendable.ts';

/**
 * The leases of one engine. They live in memory: a root has one engine at a time, so when the process dies every
 * lease has expired, and what it protected is expendable.
 */
export class MemoryLeases implements Leases {
  readonly #leases = new Map<string, Set<Digest>>();
  readonly #expendable: Expendable;

  constructor(expendable: Expendable = nothingExpendable) {
    this.#expendable = expendable;
  }

  open(): Lease {
    const id = randomUUID();
    const protectedDigests = new Set<Digest>();
    this.#leases.set(id, protectedDigests);
    return {
      id,
      protect: (...digests) => {
        this.#expendable.note(digests);
        for (const digest of digests) protectedDigests.add(digest);
      },
      [Symbol.asyncDispose]: async () => {
        this.#leases.delete(id);
      },
    };
  }

  isProtected(digest: Digest): boolean {
    return this.#leases.values().some((digests) => digests.has(digest));
  }
}
