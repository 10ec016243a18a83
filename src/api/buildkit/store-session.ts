/**
 * A session in which caches and OCI layouts that the client keeps are directories, as builds expect them. BuildKit's
 * clients have a store of blobs for each, and look after its index themselves.
 */
import type { Duplex, Writable } from 'node:stream';
import { fieldsOf } from '#base/json.ts';
import { EngineError } from '#base/errors.ts';
import type {
  BuildSession,
  FileEntry,
  FileQuery,
  FileTransfer,
  FileTree,
} from '#build/session/build-session.ts';
import type { BuildOutput, CacheSource, NamedContext } from '#build/build.ts';
import { cacheDirectoryName } from '#build/cache-transfer/local-cache.ts';
import { type Digest, isDigest } from '#oci/digest.ts';
import type { Credentials } from '#registry/token-source.ts';
import type { ClientSession } from './client-session.ts';
import type { ContentStore } from './content-store.ts';

export interface StoreWishes {
  readonly outputs: readonly BuildOutput[];
  readonly cacheFrom: readonly CacheSource[];
  readonly cacheTo: readonly CacheSource[];
  readonly namedContexts: Readonly<Record<string, NamedContext>>;
}

/** A manifest in a store. */
interface StoredRoot {
  readonly store: ContentStore;
  readonly digest: Digest;
}

export class StoreSession implements BuildSession {
  readonly sharedKey?: string;
  readonly #session: ClientSession;
  /** Stores by the names of their directories. */
  readonly #sources = new Map<string, StoredRoot>();
  /** Stores by their numbers, which follow those of the outputs. */
  readonly #targets = new Map<number, ContentStore>();

  constructor(session: ClientSession, { outputs, cacheFrom, cacheTo, namedContexts }: StoreWishes) {
    this.#session = session;
    if (session.sharedKey !== undefined) this.sharedKey = session.sharedKey;
    for (const { type, attributes } of cacheFrom) {
      const { src = '', digest = '' } = attributes;
      if (type !== 'local' || !isDigest(digest)) continue;
      this.#sources.set(cacheDirectoryName(src), { store: session.contentStore(`local:${src}`), digest });
    }
    for (const context of Object.values(namedContexts)) {
      if (context.kind !== 'oci-layout') continue;
      const { directory, digest } = context;
      this.#sources.set(directory, { store: session.contentStore(`oci:${directory}`), digest });
    }
    // An OCI layout as a directory (`tar=false`) goes the same way.
    for (const [index, { type, attributes }] of outputs.entries())
      if ((type === 'oci' || type === 'docker') && attributes['tar'] === 'false')
        this.#targets.set(index, session.contentStore('export'));
    for (const [index, { type, attributes }] of cacheTo.entries())
      if (type === 'local')
        this.#targets.set(outputs.length + index, session.contentStore(`local:${attributes['dest'] ?? ''}`));
  }

  get closed(): AbortSignal {
    return this.#session.closed;
  }

  openFiles(query: FileQuery, signal: AbortSignal): FileTransfer {
    const cache = this.#sources.get(query.directory);
    return cache ? new StoreTransfer(cache, query, signal) : this.#session.openFiles(query, signal);
  }

  secret(id: string, signal: AbortSignal): Promise<Buffer | undefined> {
    return this.#session.secret(id, signal);
  }

  hasSshAgent(id: string, signal: AbortSignal): Promise<boolean> {
    return this.#session.hasSshAgent(id, signal);
  }

  openSshAgent(id: string): Promise<Duplex> {
    return this.#session.openSshAgent(id);
  }

  credentials(host: string, signal: AbortSignal): Promise<Credentials | undefined> {
    return this.#session.credentials(host, signal);
  }

  openFile(
    output: number,
    attributes: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Writable> {
    return this.#session.openFile(output, attributes, signal);
  }

  async sendTree(output: number, tree: FileTree, signal: AbortSignal): Promise<void> {
    const store = this.#targets.get(output);
    if (!store) return await this.#session.sendTree(output, tree, signal);
    for await (const entry of tree.entries()) {
      const digest = blobIn(entry.path);
      if (digest === undefined) continue;
      await store.write({ digest, sizeBytes: entry.sizeBytes, content: tree.contents(entry) }, signal);
    }
  }
}

/** The digest of a blob in an OCI layout. */
function blobIn(path: string): Digest | undefined {
  const digest = path.replace(/^blobs\/sha256\//, 'sha256:');
  return isDigest(digest) ? digest : undefined;
}

/** One file of a cache: a blob, or the index. */
class StoreTransfer implements FileTransfer {
  readonly #cache: StoredRoot;
  readonly #path: string;
  readonly #signal: AbortSignal;

  constructor(cache: StoredRoot, { followPaths: [path = ''] }: FileQuery, signal: AbortSignal) {
    this.#cache = cache;
    this.#path = path;
    this.#signal = signal;
  }

  async *entries(): AsyncGenerator<FileEntry, void> {
    yield {
      path: this.#path,
      mode: 0o100644,
      uid: 0,
      gid: 0,
      sizeBytes: 0,
      modifiedNs: 0n,
      linkName: '',
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: {},
    };
  }

  async *contents(): AsyncGenerator<Buffer, void> {
    const digest = blobIn(this.#path);
    if (digest !== undefined) yield* this.#cache.store.read(digest, this.#signal);
    else if (this.#path === 'index.json') yield await this.#index();
    else throw new EngineError('not-found', `Cannot read ${this.#path} of a cache: there is no such file`);
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** The digest of the one manifest that the client means. */
  async #index(): Promise<Buffer> {
    const { store, digest } = this.#cache;
    const content = Buffer.concat(await Array.fromAsync(store.read(digest, this.#signal)));
    const { mediaType = 'application/vnd.oci.image.index.v1+json' } = fieldsOf(
      JSON.parse(content.toString()),
    );
    const manifests = [{ mediaType, digest, size: content.length }];
    return Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }));
  }
}
