/** One file by http. */
import { createHash } from 'node:crypto';
import { closeSync, fchmodSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { posix } from 'node:path';
import { EngineError, messageOf } from '#base/errors.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { setTimes } from '#linux/files.ts';
import { diskError } from '#store/disk.ts';

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
  const response = await ask(request);
  if (response.status === 304) {
    await response.body?.cancel();
    return undefined;
  }
  if (!response.ok) {
    await response.body?.cancel();
    const code = response.status === 404 || response.status === 410 ? 'not-found' : 'unavailable';
    throw new EngineError(
      code,
      `invalid response status ${response.status} for ${withoutPassword(request.url)}`,
    );
  }
  const digest = await write(response, request);
  return describe(request.url, response, digest);
}

async function ask({ url, known, signal }: HttpRequest): Promise<Response> {
  const headers: Record<string, string> = {};
  if (known?.etag !== undefined) headers['if-none-match'] = known.etag;
  if (known?.lastModified !== undefined) headers['if-modified-since'] = known.lastModified;
  const { href, authorization } = splitCredentials(url);
  if (authorization !== undefined) headers['authorization'] = authorization;
  try {
    return await fetch(href, { headers, signal });
  } catch (cause) {
    signal.throwIfAborted();
    const reason =
      cause instanceof Error && cause.cause !== undefined ? messageOf(cause.cause) : messageOf(cause);
    throw new EngineError('unavailable', `Cannot fetch ${withoutPassword(url)}: ${reason}`, { cause });
  }
}

async function write(
  response: Response,
  { path, signal, url, maximumBytes = MAXIMUM_BYTES }: HttpRequest,
): Promise<Digest> {
  const hash = createHash('sha256');
  let total = 0;
  const fd = openSync(path, 'wx', 0o600);
  try {
    // The umask has no say in it.
    fchmodSync(fd, 0o600);
    for await (const chunk of response.body ?? []) {
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
    if (error instanceof TypeError)
      throw new EngineError('unavailable', `Cannot fetch ${withoutPassword(url)}: the connection broke`, {
        cause: error,
      });
    throw diskError(error, 'download');
  } finally {
    closeSync(fd);
  }
}

/** As in BuildKit: the epoch where the server does not say. */
function modificationNs({ headers }: Response): bigint {
  const time = Date.parse(headers.get('last-modified') ?? '');
  return Number.isNaN(time) ? 0n : BigInt(time) * NANOSECONDS_PER_MILLISECOND;
}

function describe(url: string, { headers }: Response, digest: Digest): HttpMetadata {
  const etag = headers.get('etag');
  const lastModified = headers.get('last-modified');
  return {
    url,
    name: fileName(url, headers.get('content-disposition')),
    digest,
    ...(etag !== null && { etag }),
    ...(lastModified !== null && { lastModified }),
  };
}

/** The URL's last part, or else what the server calls it; BuildKit's word where there is neither. */
export function fileName(url: string, disposition: string | null): string {
  const ofUrl = baseName(decoded(new URL(url).pathname));
  if (ofUrl !== '' && !new URL(url).pathname.endsWith('/')) return ofUrl;
  const [, quoted, plain] = /filename="([^"]*)"|filename=([^;\s]+)/i.exec(disposition ?? '') ?? [];
  const ofServer = baseName(quoted ?? plain ?? '');
  return ofServer === '' ? '__unnamed__' : ofServer;
}

function baseName(path: string): string {
  const name = posix.basename(path);
  return name === '.' || name === '..' || name.includes('\0') ? '' : name;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** fetch() refuses URLs with a password in them. */
function splitCredentials(url: string): { readonly href: string; readonly authorization?: string } {
  const parsed = new URL(url);
  const { username, password } = parsed;
  parsed.username = '';
  parsed.password = '';
  parsed.hash = '';
  if (username === '' && password === '') return { href: parsed.href };
  const pair = `${decoded(username)}:${decoded(password)}`;
  return { href: parsed.href, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** For messages. */
export function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return url;
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = 'xxxxx';
  return parsed.href;
}
