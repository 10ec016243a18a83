/** A file by http. */
import { createHash } from 'node:crypto';
import { closeSync, fchmodSync, openSync, unlinkSync, writeSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { posix } from 'node:path';
import { createGunzip } from 'node:zlib';
import { EngineError, messageOf } from '#base/errors.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { setTimes } from '#linux/files.ts';
import { diskError } from '#store/disk.ts';
import { decoded, openUrl, withoutPassword } from '#registry/open-url.ts';

/** Larger files are refused: a server need not end. */
const MAXIMUM_BYTES = 64 * 2 ** 30;
const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/** What a server said of a file, to ask whether it has changed. */
export interface HttpMetadata {
  readonly url: string;
  readonly name: string;
  readonly digest: Digest;
  readonly etag?: string;
  readonly lastModified?: string;
}

export interface HttpRequest {
  readonly url: string;
  /** What is here already. */
  readonly known?: HttpMetadata;
  /** Where the file is written, under a name that nothing has. */
  readonly path: string;
  readonly signal: AbortSignal;
  readonly maximumBytes?: number;
}

/**
 * Undefined if what is known is still valid; then nothing is written.
 *
 * @throws {EngineError} `not-found`, `unavailable`, `exhausted`
 */
export async function download(request: HttpRequest): Promise<HttpMetadata | undefined> {
  const response = await openUrl(request.url, conditions(request), request.signal);
  const { statusCode: status = 0 } = response;
  if (status === 200) return describe(request.url, response, await write(response, request));
  response.destroy();
  if (status === 304) return undefined;
  const code = status === 404 || status === 410 ? 'not-found' : 'unavailable';
  throw new EngineError(code, `invalid response status ${status} for ${withoutPassword(request.url)}`);
}

function conditions({ known }: HttpRequest): Readonly<Record<string, string>> {
  return {
    ...(known?.etag !== undefined && { 'if-none-match': known.etag }),
    ...(known?.lastModified !== undefined && { 'if-modified-since': known.lastModified }),
  };
}

async function write(
  response: IncomingMessage,
  { path, signal, url, maximumBytes = MAXIMUM_BYTES }: HttpRequest,
): Promise<Digest> {
  const hash = createHash('sha256');
  let total = 0;
  const fd = openSync(path, 'wx', 0o600);
  try {
    // Whatever the umask is.
    fchmodSync(fd, 0o600);
    for await (const chunk of bodyOf(response)) {
      signal.throwIfAborted();
      total += chunk.length;
      if (total > maximumBytes)
        throw new EngineError(
          'exhausted',
          `Cannot fetch ${withoutPassword(url)}: larger than ${maximumBytes} bytes`,
        );
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
    }
    setTimes(path, 0n, modificationNs(response));
    return parseDigest(`sha256:${hash.digest('hex')}`);
  } catch (error) {
    unlinkSync(path);
    signal.throwIfAborted();
    const failure = diskError(error, 'download');
    if (failure instanceof EngineError) throw failure;
    const text = `Cannot fetch ${withoutPassword(url)}: ${messageOf(error)}`;
    throw new EngineError('unavailable', text, { cause: error });
  } finally {
    closeSync(fd);
  }
}

/** The body, decompressed: servers may compress it unasked. */
function bodyOf(response: IncomingMessage): AsyncIterable<Buffer> {
  if (response.headers['content-encoding'] !== 'gzip') return response;
  const unpacked = createGunzip();
  response.once('error', (error) => unpacked.destroy(error));
  return response.pipe(unpacked);
}

/** As in BuildKit: the epoch where the server does not say. */
function modificationNs({ headers }: IncomingMessage): bigint {
  const time = Date.parse(headers['last-modified'] ?? '');
  return Number.isNaN(time) ? 0n : BigInt(time) * NANOSECONDS_PER_MILLISECOND;
}

function describe(url: string, { headers }: IncomingMessage, digest: Digest): HttpMetadata {
  const { etag, 'last-modified': lastModified, 'content-disposition': disposition = '' } = headers;
  return {
    url,
    name: fileName(url, disposition),
    digest,
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { lastModified }),
  };
}

/** The URL's last part, or else what the server calls it; BuildKit's word where there is neither. */
export function fileName(url: string, disposition: string): string {
  const ofUrl = baseName(decoded(new URL(url).pathname));
  if (ofUrl !== '' && !new URL(url).pathname.endsWith('/')) return ofUrl;
  const [, quoted, plain] = /filename="([^"]*)"|filename=([^;\s]+)/i.exec(disposition) ?? [];
  const ofServer = baseName(quoted ?? plain ?? '');
  return ofServer === '' ? '__unnamed__' : ofServer;
}

function baseName(path: string): string {
  const name = posix.basename(path);
  return name === '.' || name === '..' || name.includes('\0') ? '' : name;
}
