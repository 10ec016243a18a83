/**
 * Blobs on their way from the upstream to a mirror's own store. Whoever asks for one that is on its way follows it: it
 * gets the bytes as they arrive, or from the store where it cannot keep up. One slow or vanished client neither slows
 * nor ends the transfer.
 */
import { once } from 'node:events';
import { isEngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import type { ContentStore, Lease } from '#store/content.ts';
import { contentHeaders } from './blobs.ts';
import type { Exchange } from './exchange.ts';
import { RegistryError } from './registry-error.ts';
import type { Upstream } from './registry-server.ts';
import type { RegistryTable } from './registry-table.ts';
import { sendFile } from './send-file.ts';

/** What a follower may be behind before it waits for the store. */
const MAXIMUM_BEHIND_BYTES = 4 * 1024 * 1024;

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
  readonly followers: Set<(chunk: Buffer) => void>;
  readonly done: Promise<void>;
  receivedBytes: number;
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
    const sentBytes = fill.receivedBytes === 0 ? await follow(exchange, fill) : 0;
    await fill.done;
    this.#place.table.linkBlob(repository, digest);
    const rest = { offset: sentBytes, lengthBytes: fill.sizeBytes - sentBytes };
    await sendFile(exchange.response, this.#place.content.path(digest), rest);
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
    const fill = this.#start(repository, digest);
    this.#fills.set(digest, fill);
    const forget = () => this.#fills.delete(digest);
    void fill.then(({ done }) => done).then(forget, forget);
    return fill;
  }

  async #start(repository: string, digest: Digest): Promise<Fill> {
    const { upstream, closing, content, recent } = this.#place;
    const { sizeBytes, body } = await fromUpstream(() => upstream.openBlob(repository, digest, closing));
    const { promise: done, resolve, reject } = Promise.withResolvers<void>();
    const fill: Fill = { sizeBytes, followers: new Set(), done, receivedBytes: 0 };
    // Whoever follows learns of a failure; there may be nobody.
    done.catch(() => undefined);
    const transfer = async () => {
      const { maximumBlobBytes } = this.#place;
      await using writer = await content.openWriter(`registry-mirror ${digest}`, {
        lease: recent,
        maximumBytes: Math.min(maximumBlobBytes, sizeBytes),
      });
      for await (const chunk of body as AsyncIterable<Buffer>) {
        await writer.write(chunk);
        fill.receivedBytes += chunk.length;
        for (const push of fill.followers) push(chunk);
      }
      await writer.commit({ digest, sizeBytes });
      this.#place.table.linkBlob(repository, digest);
    };
    transfer().then(resolve, reject);
    return fill;
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
 * Passes chunks on as they arrive, for as long as the client keeps up, the last one excepted: that waits until the
 * whole is verified, so that a client never takes a wrong blob for a whole one.
 *
 * @returns the bytes sent
 */
async function follow({ response }: Exchange, fill: Fill): Promise<number> {
  let sentBytes = 0;
  let isBehind = false;
  const push = (chunk: Buffer) => {
    isBehind ||= response.writableLength > MAXIMUM_BEHIND_BYTES || fill.receivedBytes >= fill.sizeBytes;
    if (isBehind || response.destroyed) return;
    response.write(chunk);
    sentBytes += chunk.length;
  };
  fill.followers.add(push);
  try {
    await Promise.race([fill.done, once(response, 'close')]);
  } finally {
    fill.followers.delete(push);
  }
  return sentBytes;
}
