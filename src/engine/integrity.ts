/**
 * Whether all that the engine keeps below its root is what it was.
 *
 * A *fault* is one thing that is not: a blob whose content is not what its digest says, a layer whose files are damaged
 * or missing, what no record owns, a record that cannot be read, a container or volume whose files are lost.
 *
 * ```ts
 * for await (const found of engine.integrity.check()) {
 *   if (found.kind === 'fault') console.log(found.fault.part, found.fault.subject, found.fault.problem);
 * }
 * ```
 */
type RootPart = 'metadata' | 'blob' | 'layer' | 'image' | 'container' | 'volume' | 'network';

export interface Fault {
  readonly part: RootPart;
  /** A digest, an id, a name, or a path. */
  readonly subject: string;
  readonly problem: string;
  /** What a repair does about it, or has done; absent where it can do nothing. */
  readonly repair?: string;
  /** What a user can do, where a repair can do nothing. */
  readonly advice?: string;
}

export interface IntegritySummary {
  readonly blobs: number;
  readonly layers: number;
  readonly images: number;
  readonly containers: number;
  readonly volumes: number;
  readonly networks: number;
  /** All that was read. */
  readonly checkedBytes: number;
  readonly faults: number;
  readonly repaired: number;
  /** The names in `ROOT/lost+found`. */
  readonly lostAndFound: readonly string[];
  /** What was deleted of it. */
  readonly deleted: readonly string[];
}

export type IntegrityMessage =
  | { readonly kind: 'progress'; readonly doneBytes: number; readonly totalBytes: number }
  | { readonly kind: 'fault'; readonly fault: Fault }
  /** The last one. */
  | { readonly kind: 'summary'; readonly summary: IntegritySummary };

export interface Integrity {
  /** Reads everything and changes nothing. The engine works on meanwhile. */
  check(signal?: AbortSignal): AsyncIterable<IntegrityMessage>;
  /**
   * The same, and makes damaged and missing layers again from their blobs, and moves damaged blobs, and what no record
   * owns, to `ROOT/lost+found`.
   */
  repair(options: {
    /** Deletes what is in `ROOT/lost+found`, for good. */
    readonly deletesLost: boolean;
    readonly signal?: AbortSignal;
  }): AsyncIterable<IntegrityMessage>;
}
