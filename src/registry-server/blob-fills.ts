/**
 * Blobs on their way from the upstream to a mirror's own store. A request for one that is on its way follows the
 * file as it grows, each at its own pace. One slow or vanished client neither slows nor ends the transfer; a transfer
 * that ended early is continued by the next request.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { discardBuffer } from '#base/discard-buffer.ts';
import { EngineError, isEngineError } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import type { Digest } from '#oci/digest.ts';
import { arrivingChunks } from '#store/arriving-file.ts';
import type { ArrivingFile, ContentStore, ContentWriter, Lease } from '#store/content.ts';
import { contentHeaders } from './content-headers.ts';
import type { Exchange } from './exchange.ts';
import { RegistryError } from './registry-error.ts';
import type { Upstream } from './registry-server.ts';
import type { RegistryTable } from './registry-table.ts';
import { sendFile } from './send-file.ts';

export interface FillPlace {
  readonly content: ContentStore;
  readonly table: RegistryTable;
  readonly recent: Lease;
  readonly upstream: Upstream;
  readonly maximumBlobBytes: number;
  /** Ends every transfer. */
  readonly closing: AbortSignal;
}

/** One transfer. `done` tells whether the blob is in the store. */
interface Fill {
  readonly sizeBytes: number;
  readonly arriving: ArrivingFile;
  readonly done: Promise<void>;
}

export class BlobFills {
  readonly #place: FillPlace;
  readonly #fills = new Map<Digest, Promise<Fill>>();

  constructor(place: FillPlace) {
    this.#place = place;
  }

  /** @throws {RegistryError} BLOB_UNKNOWN, UNAVAILABLE */
  async serve(exchange: Exchange, repository: string, digest: Digest): Promise<void> {
    if (exchange.method === 'HEAD') return this.#head(exchange, repository, digest);
    const fill = await this.#fill(repository, digest);
    exchange.writeHead(200, {
      ...contentHeaders(digest, 'application/octet-stream'),
      'Content-Length': fill.sizeBytes,
    });
    const path = this.#place.content.path(digest);
    const sentBytes = await follow(exchange, fill, path);
    await fill.done;
    this.#place.table.linkBlob(repository, digest);
    await sendFile(exchange.response, path, { offset: sentBytes, lengthBytes: fill.sizeBytes - sentBytes });
  }

  async #head(exchange: Exchange, repository: string, digest: Digest): Promise<void> {
    const { sizeBytes } = await this.#fill(repository, digest);
    exchange.send(200, {
      ...contentHeaders(digest, 'application/octet-stream'),
      'Content-Length': sizeBytes,
    });
  }

  /** The transfer that runs, or a new one. */
  #fill(repository: string, digest: Digest): Promise<Fill> {
    const running = this.#fills.get(digest);
    if (running) return running;
    const fill = fromUpstream(() => this.#start(repository, digest));
    this.#fills.set(digest, fill);
    const forget = () => this.#fills.delete(digest);
    void fill.then(({ done }) => done).then(forget, forget);
    return fill;
  }

  /** What an earlier transfer left is continued. */
  async #start(repository: string, digest: Digest): Promise<Fill> {
    const writer = await this.#openWriter(digest);
    try {
      const { offset, arriving } = writer;
      if (!arriving)
        throw new EngineError('internal', `Cannot mirror blob ${digest}: its arrival cannot be followed`);
      const { upstream, closing } = this.#place;
      const { sizeBytes, body } = await upstream.openBlob(repository, digest, offset, closing);
      const done = this.#transfer(writer, body, { digest, sizeBytes });
      // Requests that follow learn of a failure; there may be none.
      done.catch(() => undefined);
      return { sizeBytes, arriving, done: done.then(() => this.#place.table.linkBlob(repository, digest)) };
    } catch (error) {
      const isPastEnd = writer.offset > 0 && isEngineError(error, 'invalid');
      await (isPastEnd ? writer.discard() : writer[Symbol.asyncDispose]());
      if (isPastEnd) return await this.#start(repository, digest);
      throw error;
    }
  }

  #openWriter(digest: Digest): Promise<ContentWriter> {
    const { content, recent, maximumBlobBytes: maximumBytes } = this.#place;
    const options = { lease: recent, maximumBytes, resumable: true, followed: true };
    return content.openWriter(`registry-mirror ${digest}`, options);
  }

  async #transfer(
    writer: ContentWriter,
    body: AsyncIterable<Buffer>,
    expected: { readonly digest: Digest; readonly sizeBytes: number },
  ): Promise<void> {
    await using owned = writer;
    for await (const chunk of body) {
      await owned.write(chunk);
      discardBuffer(chunk);
    }
    await owned.commit(expected);
  }
}

/** What the upstream does not have, and what it cannot say, in the protocol's words. */
export async function fromUpstream<T>(
  ask: () => Promise<T>,
  missing: 'BLOB_UNKNOWN' | 'MANIFEST_UNKNOWN' = 'BLOB_UNKNOWN',
): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (isEngineError(cause, 'not-found')) throw new RegistryError(missing, undefined, { cause });
    if (isEngineError(cause, 'unauthorized') || isEngineError(cause, 'forbidden'))
      throw new RegistryError('DENIED', { reason: 'refused by the upstream' }, { cause });
    throw new RegistryError('UNAVAILABLE', { reason: 'the upstream cannot be reached' }, { cause });
  }
}

/**
 * Passes the file on as it grows, but for its last byte: that waits until the whole is verified, so that a client never
 * takes a wrong blob for a whole one.
 *
 * @returns the bytes sent
 */
async function follow({ response }: Exchange, fill: Fill, finalPath: string): Promise<number> {
  const gone = once(response, 'close');
  let sentBytes = 0;
  try {
    for await (const chunk of arrivingChunks({
      ...fill.arriving,
      finalPath,
      sizeBytes: fill.sizeBytes - 1,
    })) {
      await Promise.race([written(response, chunk), gone]);
      if (response.destroyed) break;
      sentBytes += chunk.length;
    }
  } catch (error) {
    // A transfer that failed, and its file with it, reports the reason itself.
    if (!isEngineError(error, 'aborted') && !isErrno(error, 'ENOENT')) throw error;
  }
  return sentBytes;
}

function written(response: ServerResponse, chunk: Buffer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.write(chunk, () => resolve());
  return promise;
}
