/** A whole blob, however often the connection is cut. */
import type { Descriptor } from '#oci/descriptor.ts';
import { unreachable } from './http-client.ts';
import type { RemoteBlob, Repository } from './registry.ts';
import { RegistryFailure } from './registry-failure.ts';
import { Backoff, type RetryPolicy } from './retry.ts';

export interface DownloadOptions {
  readonly repository: Pick<Repository, 'host' | 'openBlob'>;
  readonly descriptor: Pick<Descriptor, 'digest' | 'size'>;
  /** Bytes that are here already. */
  readonly offset: number;
  readonly retry: RetryPolicy;
  readonly signal?: AbortSignal;
}

/**
 * Yields the bytes from `offset` to the descriptor's size, exactly. A connection that is cut is followed by one that
 * continues; attempts are counted anew whenever bytes have come.
 *
 * @throws {RegistryFailure} `invalid` if the registry has more or fewer bytes than the descriptor says
 */
export async function* downloadBlob(options: DownloadOptions): AsyncGenerator<Buffer, void> {
  const { repository, descriptor, signal } = options;
  const backoff = new Backoff(options.retry, signal);
  let { offset } = options;
  while (offset < descriptor.size) {
    try {
      const blob = await repository.openBlob(descriptor.digest, offset);
      verifyTotal(blob, descriptor);
      for await (const chunk of remaining(blob, offset, repository.host)) {
        signal?.throwIfAborted();
        if (offset + chunk.length > descriptor.size)
          throw wrongSize(descriptor, `more than ${descriptor.size}`);
        offset += chunk.length;
        backoff.succeeded();
        yield chunk;
      }
      if (offset < descriptor.size) throw endedEarly(blob, descriptor, offset);
    } catch (error) {
      await backoff.pause(error);
    }
  }
}

/** Skips what is here already, where the registry sends it again. */
async function* remaining(
  { body, offset }: RemoteBlob,
  wanted: number,
  host: string,
): AsyncGenerator<Buffer, void> {
  let skip = wanted - offset;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (skip < chunk.length) yield chunk.subarray(skip);
      skip = Math.max(0, skip - chunk.length);
    }
  } catch (error) {
    throw unreachable(host, error);
  } finally {
    body.destroy();
  }
}

function verifyTotal({ totalBytes, body }: RemoteBlob, descriptor: DownloadOptions['descriptor']): void {
  if (totalBytes === undefined || totalBytes === descriptor.size) return;
  body.destroy();
  throw wrongSize(descriptor, String(totalBytes));
}

/** Where the registry had told no length, this may be all of it or a cut. */
function endedEarly({ totalBytes }: RemoteBlob, descriptor: DownloadOptions['descriptor'], offset: number) {
  if (totalBytes === undefined) return wrongSize(descriptor, String(offset), true);
  return new RegistryFailure('download-cut-off', {
    details: { digest: descriptor.digest },
    isTransient: true,
  });
}

function wrongSize({ digest, size }: DownloadOptions['descriptor'], actual: string, isTransient = false) {
  return new RegistryFailure('blob-size-differs', {
    details: { digest, actual, expected: size },
    isTransient,
  });
}
