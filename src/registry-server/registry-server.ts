/**
 * A registry of one's own: the server side of the OCI distribution protocol (distribution-spec v1.1).
 *
 * Vocabulary: a *repository* holds manifests (by digest), tags (names of manifests) and blobs. A blob is stored once
 * and *linked* into every repository that may read it. An *upload session* collects the bytes of one blob.
 *
 * Life cycle of a blob: session opened → bytes appended, over any number of requests and restarts → verified against
 * the digest that the client names, synced and linked in one step → unlinked by DELETE, or by garbage collection once
 * no manifest of the repository names it and its grace is over → its bytes go with the last link.
 *
 * What was answered with 201 survives power loss. A manifest is visible only with all its blobs.
 *
 * Errors on the wire are those of `registry-error.ts`; everything else throws `EngineError`s.
 *
 * ```ts
 * await using registry = await startRegistry({ root: '/srv/registry', listen: { port: 5000 } });
 * // docker push localhost:5000/app:1
 * const { bytes } = await registry.collectGarbage({ deleteUntagged: true }); // while it serves
 * ```
 */
import type { Logger } from '#base/log.ts';
import type { Digest } from '#oci/digest.ts';

export interface RegistryOptions {
  /** Directory of blobs and metadata; made where it is missing. One registry a directory at a time. */
  readonly root: string;
  readonly listen: ListenAddress;
  readonly tls?: RegistryTls;
  /** File of users, as Apache's htpasswd writes it with bcrypt (`-B`). Read again when it changes. Absent: everyone. */
  readonly htpasswd?: string;
  /** Refuses whatever would change something. */
  readonly readOnly?: boolean;
  /** Answers with what this registry has, and fetches from there what it lacks. Nothing can be pushed. */
  readonly upstream?: Upstream;
  readonly limits?: Partial<RegistryLimits>;
  readonly logger?: Logger;
}

export interface ListenAddress {
  /** Absent: all addresses. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
}

export type RegistryTls =
  | { readonly kind: 'files'; readonly certificate: string; readonly key: string }
  /** Made at the first start and kept in the root; `names` are host names and addresses beside the machine's own. */
  | { readonly kind: 'self-signed'; readonly names?: readonly string[] };

export interface RegistryLimits {
  readonly maximumBlobBytes: number;
  /** Further sessions are refused with 429 until one ends. */
  readonly maximumUploads: number;
  /** A session that is not continued for so long is removed. */
  readonly uploadIdleMs: number;
  /** A connection on which nothing moves for so long is cut. */
  readonly connectionIdleMs: number;
}

/** A registry that serves until it is disposed: requests may finish for a moment, then connections are cut. */
export interface RunningRegistry extends AsyncDisposable {
  /** `127.0.0.1:5000`, as image names start with; the port is the real one. */
  readonly address: string;
  readonly port: number;
  /** PEM of the certificate that clients must trust, where it is self-signed. */
  readonly certificate?: string;
  /** Safe while serving: what a client just pushed, or was just told to be there, is kept. */
  collectGarbage(options?: GarbageOptions): Promise<GarbageReport>;
}

export interface GarbageOptions {
  /** Deletes manifests that no tag names, no index lists and that refer to no kept manifest. */
  readonly deleteUntagged?: boolean;
  /** Blobs that no manifest names are kept for so long after their upload. Default: one hour. */
  readonly graceMs?: number;
  /** Tells what would go, and deletes nothing. */
  readonly dryRun?: boolean;
}

export interface GarbageReport {
  readonly manifests: number;
  readonly blobs: number;
  readonly bytes: number;
}

/** What a manifest is beside its bytes. */
export interface UpstreamManifest {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly content: Buffer;
}

export interface UpstreamBlob {
  /** Bytes of the whole blob. */
  readonly sizeBytes: number;
  readonly body: AsyncIterable<Buffer>;
}

/** The registry that a pull-through mirror stands for. */
export interface Upstream {
  /**
   * The digest that a tag means now.
   *
   * @throws {EngineError} `not-found`; `unavailable` where the upstream cannot be asked
   */
  resolveTag(repository: string, tag: string, signal: AbortSignal): Promise<Digest>;
  /** @throws {EngineError} as `resolveTag`; `invalid` if the content is not what the digest says */
  fetchManifest(repository: string, digest: Digest, signal: AbortSignal): Promise<UpstreamManifest>;
  /**
   * The bytes from an offset on, however often the connection is cut; the caller verifies them.
   *
   * @throws {EngineError} as `resolveTag`; `invalid` if there is no such offset
   */
  openBlob(repository: string, digest: Digest, offset: number, signal: AbortSignal): Promise<UpstreamBlob>;
}
