/**
 * The client's side of the OCI distribution protocol (distribution-spec v1.1), as real registries speak it.
 *
 * A *registry* is a host; a *repository* in it holds blobs, manifests by digest, and tags. A name is turned into one or
 * more *endpoints*: mirrors first where reading Docker Hub, then the registry itself. An endpoint is reached over
 * https; over http only where the host is loopback or configured as insecure.
 *
 * Life cycle: {@link Registries.open} gives a handle without asking anything. Requests authenticate themselves when the
 * registry challenges them, follow redirects without taking credentials along, and are repeated with growing pauses
 * while the failure may pass. The caller verifies bytes; manifests are checked against their digest here.
 *
 * Errors are `RegistryFailure`s (`registry-failure.ts`), whose reasons stand in `registry-errors.ts`: `unauthorized`
 * (no
 * or wrong credentials), `forbidden`, `not-found`, `exhausted` (429), `unavailable` (cannot be reached, 5xx, stalls),
 * `invalid` (what came is not what the protocol or a digest says), `aborted` by the signal.
 *
 * ```ts
 * const repository = registries.open({ domain: 'docker.io', path: 'library/busybox' }, { credentials: {}, access: 'pull' });
 * const { mediaType, content } = await repository.fetchManifest('latest'); // authenticates itself where it must
 * const { body } = await repository.openBlob(layer.digest, 0); // the caller verifies the bytes
 * ```
 */
import type { Readable } from 'node:stream';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import type { Reference } from '#oci/reference.ts';
import type { RegistryCredentials } from './credentials.ts';
import type { Credentials } from './token-source.ts';

export interface OpenOptions {
  /** Empty: anonymous. Sent to the registry itself and its token server only, never to mirrors. */
  readonly credentials: Credentials;
  /** `push` asks for both rights, and goes to the registry itself only. */
  readonly access: 'pull' | 'push';
  /** The host is treated as if it were configured as insecure. */
  readonly insecure?: boolean;
  readonly signal?: AbortSignal;
}

/** What a repository has under a tag or a digest. */
export interface RemoteManifest {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly content: Buffer;
}

export interface RemoteBlob {
  /** Where `body` starts: what was asked for, or 0 where the registry does not do ranges. */
  readonly offset: number;
  /** Bytes of the whole blob, where the registry tells. */
  readonly totalBytes?: number;
  /** Destroy it to stop early. */
  readonly body: Readable;
}

export type UploadOutcome =
  /** The repository had it. */
  | { readonly kind: 'exists' }
  | { readonly kind: 'mounted'; readonly from: string }
  | { readonly kind: 'uploaded' };

export interface UploadRequest {
  readonly descriptor: Pick<Descriptor, 'digest' | 'size'>;
  /** The blob's bytes from an offset on, each chunk until the next; asked for again where an upload has to continue. */
  readonly read: (offset: number) => AsyncIterable<Buffer>;
  /** Repositories of the same registry that may have it. */
  readonly mountFrom: readonly string[];
  /** Bytes that have been sent so far. */
  readonly onProgress?: (sentBytes: number) => void;
}

/** A tag or a digest. */
export type ManifestReference = string;

export interface Repository {
  /** The registry's host as people write it. */
  readonly host: string;
  /** Path within the registry. */
  readonly path: string;
  /** The digest that a tag means now, without fetching the manifest. */
  resolve(reference: ManifestReference): Promise<Pick<Descriptor, 'mediaType' | 'digest' | 'size'>>;
  /** @throws {RegistryFailure} `invalid` if larger than 4 MiB, or not what the digest says */
  fetchManifest(reference: ManifestReference): Promise<RemoteManifest>;
  /** One attempt from `offset` on; see `downloadBlob` for all of it. */
  openBlob(digest: Digest, offset: number): Promise<RemoteBlob>;
  hasBlob(digest: Digest): Promise<boolean>;
  /** Sends a blob unless the repository has it or can take it from another of the registry's. */
  upload(request: UploadRequest): Promise<UploadOutcome>;
  /** Every blob that it names must be there. @returns the digest that the registry computed */
  putManifest(reference: ManifestReference, manifest: Omit<RemoteManifest, 'digest'>): Promise<Digest>;
  /** All tags, page by page. */
  tags(): AsyncIterable<string>;
  /** Manifests that refer to `subject`; empty where there are none, also for registries that know no referrers. */
  referrers(subject: Digest, artifactType?: string): Promise<readonly Descriptor[]>;
}

export interface LoginResult {
  /** An OAuth2 refresh token to keep in place of the password; empty where the registry gives none. */
  readonly identityToken: string;
  readonly status: string;
}

export interface SearchResult {
  readonly name: string;
  readonly description: string;
  readonly starCount: number;
  readonly isOfficial: boolean;
  readonly isAutomated: boolean;
}

export interface Registries {
  open(reference: Pick<Reference, 'domain' | 'path'>, options: OpenOptions): Repository;
  /**
   * Tries the credentials.
   *
   * @param address a host, or the URL of a registry; Docker Hub where it is empty
   * @throws {RegistryFailure} `unauthorized`
   */
  login(address: string, credentials: RegistryCredentials, signal?: AbortSignal): Promise<LoginResult>;
  /**
   * `term` may start with a registry's host; Docker Hub otherwise.
   *
   * @throws {RegistryFailure} `not-found` where there is no search
   */
  search(
    term: string,
    options: {
      readonly limit: number;
      readonly credentials: RegistryCredentials;
      readonly signal?: AbortSignal;
    },
  ): Promise<readonly SearchResult[]>;
}
