/**
 * Uploads in progress. A session's bytes are a resumable writer of the content store, so that they outlive
 * connections and restarts; what the store has of it is the offset that a client continues at.
 *
 * One request at a time works on a session. A newer one cuts an older one off: it comes from a client whose connection
 * broke without our noticing.
 */
import { randomUUID } from 'node:crypto';
import { discardBuffer } from '#base/discard-buffer.ts';
import { isEngineError } from '#base/errors.ts';
import { KeyedLock } from '#base/keyed-lock.ts';
import { Semaphore } from '#base/semaphore.ts';
import type { Digest } from '#oci/digest.ts';
import type { BlobInfo, ContentStore, ContentWriter, Lease } from '#store/content.ts';
import type { EndpointOf } from './endpoint.ts';
import { RegistryError } from './registry-error.ts';
import type { RegistryLimits } from './registry-server.ts';
import type { RegistryTable } from './registry-table.ts';

/** A writer to which nothing is appended for so long is closed; it costs memory and a descriptor. */
const WRITER_IDLE_MS = 10_000;
/** Bodies that are received at the same time; others wait, unread. */
const MAXIMUM_BODIES = 64;

/** A body to append, and how to cut it off. */
export interface UploadBody {
  readonly chunks: AsyncIterable<Buffer>;
  readonly cut: () => void;
  /** Ends the waiting for other bodies and requests; the session stays as it is. */
  readonly signal: AbortSignal;
}

export interface UploadSession {
  readonly id: string;
  readonly repository: string;
}

/** What ends a request before its time: a newer one, or its client's end. */
interface Interruption {
  readonly cut?: () => void;
  readonly signal: AbortSignal;
}

interface Session extends UploadSession {
  usedAtMs: number;
  writer: ContentWriter | undefined;
  cut: (() => void) | undefined;
  rest: NodeJS.Timeout | undefined;
}

export interface UploadPlace {
  readonly content: ContentStore;
  readonly table: RegistryTable;
  readonly recent: Lease;
  readonly limits: RegistryLimits;
}

export class UploadSessions implements AsyncDisposable {
  readonly #place: UploadPlace;
  readonly #sessions = new Map<string, Session>();
  readonly #lock = new KeyedLock<string>();
  readonly #bodies = new Semaphore(MAXIMUM_BODIES);

  constructor(place: UploadPlace) {
    this.#place = place;
    for (const { session, repository, usedAtMs } of place.table.uploads())
      this.#remember(session, repository, usedAtMs);
  }

  /** @throws {RegistryError} TOOMANYREQUESTS while there are too many */
  start(repository: string): UploadSession {
    const { limits, table } = this.#place;
    if (this.#sessions.size >= limits.maximumUploads)
      throw new RegistryError('TOOMANYREQUESTS', { maximumUploads: limits.maximumUploads });
    const id = randomUUID();
    table.addUpload(id, repository);
    return this.#remember(id, repository, Date.now());
  }

  /** @throws {RegistryError} BLOB_UPLOAD_UNKNOWN */
  find({ repository, session: id }: EndpointOf<'upload'>): UploadSession {
    const session = this.#sessions.get(id);
    if (session?.repository !== repository) throw unknown(id);
    return session;
  }

  /** Bytes that are safely here. @throws the reason of `signal`, which ends the waiting for other requests */
  async offset({ id }: UploadSession, signal: AbortSignal): Promise<number> {
    const session = this.#known(id);
    if (session.writer) return session.writer.offset;
    return this.#exclusive(session, { signal }, async () => (await this.#writer(session)).offset);
  }

  /**
   * Appends a body. What came before a failure stays.
   *
   * @param from where the client believes to continue; undefined: wherever that is
   * @returns the new offset
   * @throws {RegistryError} RANGE_INVALID, BLOB_TOO_LARGE
   */
  async append({ id }: UploadSession, body: UploadBody, from: number | undefined): Promise<number> {
    const session = this.#known(id);
    return this.#exclusive(session, body, () => this.#append(session, body, from));
  }

  /**
   * Appends the last of it, verifies the whole and ends the session.
   *
   * @throws {RegistryError} DIGEST_INVALID, and nothing is kept
   */
  async finish(
    { id }: UploadSession,
    digest: Digest,
    body: UploadBody,
    from: number | undefined,
  ): Promise<BlobInfo> {
    const session = this.#known(id);
    return this.#exclusive(session, body, async () => {
      await this.#append(session, body, from);
      const writer = await this.#writer(session);
      try {
        return await writer.commit({ digest });
      } catch (error) {
        throw isEngineError(error, 'invalid')
          ? new RegistryError('DIGEST_INVALID', { digest }, { cause: error })
          : error;
      } finally {
        await this.#end(session);
      }
    });
  }

  /** @throws the reason of `signal`, which ends the waiting for other requests */
  async cancel({ id }: UploadSession, signal: AbortSignal): Promise<void> {
    const session = this.#known(id);
    await this.#exclusive(session, { signal }, async () => {
      await (await this.#writer(session)).discard();
      await this.#end(session);
    });
  }

  /** Removes sessions that were not continued for long. @throws the reason of `signal`; the others stay */
  async expire(signal: AbortSignal, nowMs = Date.now()): Promise<void> {
    const old = this.#sessions
      .values()
      .filter(({ usedAtMs }) => nowMs - usedAtMs > this.#place.limits.uploadIdleMs);
    for (const session of old) await this.cancel(session, signal);
  }

  /** Keeps every session for the next start. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) {
      session.cut?.();
      using _held = await this.#lock.acquire(session.id);
      await this.#putToRest(session);
    }
  }

  #remember(id: string, repository: string, usedAtMs: number): Session {
    const session: Session = { id, repository, usedAtMs, writer: undefined, cut: undefined, rest: undefined };
    this.#sessions.set(id, session);
    return session;
  }

  #known(id: string): Session {
    const session = this.#sessions.get(id);
    if (!session) throw unknown(id);
    return session;
  }

  async #exclusive<T>(session: Session, { cut, signal }: Interruption, work: () => Promise<T>): Promise<T> {
    session.cut?.();
    using _held = await this.#lock.acquire(session.id, signal);
    if (!this.#sessions.has(session.id)) throw unknown(session.id);
    clearTimeout(session.rest);
    session.cut = cut;
    try {
      return await work();
    } finally {
      session.cut = undefined;
      this.#used(session);
    }
  }

  #used(session: Session): void {
    if (!this.#sessions.has(session.id)) return;
    session.usedAtMs = Date.now();
    this.#place.table.touchUpload(session.id);
    session.rest = setTimeout(() => void this.#rest(session), WRITER_IDLE_MS).unref();
  }

  async #rest(session: Session): Promise<void> {
    if (this.#lock.isHeld(session.id)) return;
    using _held = await this.#lock.acquire(session.id);
    await this.#putToRest(session).catch(() => undefined);
  }

  async #putToRest(session: Session): Promise<void> {
    clearTimeout(session.rest);
    const { writer } = session;
    session.writer = undefined;
    await writer?.[Symbol.asyncDispose]();
  }

  async #append(session: Session, { chunks, signal }: UploadBody, from: number | undefined): Promise<number> {
    using _permit = await this.#bodies.acquire(signal);
    const writer = await this.#writer(session);
    if (from !== undefined && from !== writer.offset)
      throw new RegistryError('RANGE_INVALID', { offset: writer.offset });
    for await (const chunk of chunks) {
      await this.#write(session, writer, chunk);
      discardBuffer(chunk);
    }
    return writer.offset;
  }

  async #write(session: Session, writer: ContentWriter, chunk: Buffer): Promise<void> {
    const { maximumBlobBytes } = this.#place.limits;
    if (writer.offset + chunk.length > maximumBlobBytes) {
      await writer.discard();
      await this.#end(session);
      throw new RegistryError('BLOB_TOO_LARGE', { maximumBlobBytes });
    }
    try {
      await writer.write(chunk);
    } catch (error) {
      // The rest could go on after a gap.
      await writer.discard();
      await this.#end(session);
      throw error;
    }
  }

  async #writer(session: Session): Promise<ContentWriter> {
    return (session.writer ??= await this.#place.content.openWriter(`registry-upload ${session.id}`, {
      resumable: true,
      lease: this.#place.recent,
    }));
  }

  async #end(session: Session): Promise<void> {
    this.#sessions.delete(session.id);
    this.#place.table.deleteUpload(session.id);
    await this.#putToRest(session);
  }
}

function unknown(session: string): RegistryError {
  return new RegistryError('BLOB_UPLOAD_UNKNOWN', { session });
}
