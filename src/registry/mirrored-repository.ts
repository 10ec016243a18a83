/** A repository behind several endpoints: mirrors first, the registry itself last. */
import { isEngineError } from '#base/errors.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import type {
  ManifestReference,
  RemoteBlob,
  RemoteManifest,
  Repository,
  UploadOutcome,
  UploadRequest,
} from './registry.ts';

/** Reads from the first that answers; a mirror that failed is not asked again. Everything else goes to the registry. */
export class MirroredRepository implements Repository {
  readonly #origin: Repository;
  #mirrors: readonly Repository[];

  constructor(mirrors: readonly Repository[], origin: Repository) {
    this.#origin = origin;
    this.#mirrors = mirrors;
  }

  get host(): string {
    return this.#origin.host;
  }

  get path(): string {
    return this.#origin.path;
  }

  resolve(reference: ManifestReference): Promise<Pick<Descriptor, 'mediaType' | 'digest' | 'size'>> {
    return this.#first((repository) => repository.resolve(reference));
  }

  fetchManifest(reference: ManifestReference): Promise<RemoteManifest> {
    return this.#first((repository) => repository.fetchManifest(reference));
  }

  openBlob(digest: Digest, offset: number): Promise<RemoteBlob> {
    return this.#first((repository) => repository.openBlob(digest, offset));
  }

  hasBlob(digest: Digest): Promise<boolean> {
    return this.#origin.hasBlob(digest);
  }

  upload(request: UploadRequest): Promise<UploadOutcome> {
    return this.#origin.upload(request);
  }

  putManifest(reference: ManifestReference, manifest: Omit<RemoteManifest, 'digest'>): Promise<Digest> {
    return this.#origin.putManifest(reference, manifest);
  }

  /** All of one endpoint's: tags of two would be of two states. */
  async *tags(): AsyncIterable<string> {
    yield* await this.#first((repository) => Array.fromAsync(repository.tags()));
  }

  referrers(subject: Digest, artifactType?: string): Promise<readonly Descriptor[]> {
    return this.#origin.referrers(subject, artifactType);
  }

  /** @throws what the registry itself says, where none has it */
  async #first<T>(read: (repository: Repository) => Promise<T>): Promise<T> {
    for (const mirror of this.#mirrors) {
      try {
        return await read(mirror);
      } catch (error) {
        if (!isEngineError(error)) throw error;
        this.#mirrors = this.#mirrors.filter((other) => other !== mirror);
      }
    }
    return await read(this.#origin);
  }
}
