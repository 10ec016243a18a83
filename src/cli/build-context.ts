import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { isAbsolute, join, relative } from 'node:path';
import { detectCompression } from '#oci/compression.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '#oci/tar-writer.ts';
import { packTree } from './archive/pack.ts';
import { ExitError } from './usage-error.ts';

/** What is sent to be built. */
export interface BuildUpload {
  readonly body: AsyncIterable<Buffer>;
  /** Path in it. */
  readonly dockerfile: string;
}

/** tar(5): where `ustar` stands in the first header. */
const MAGIC_OFFSET = 257;

/**
 * @param path a directory, or `-` for a tar or a Dockerfile on standard input
 * @param file `--file`: in the directory or anywhere else, or `-` for standard input; empty: `Dockerfile`
 */
export async function buildUpload(path: string, file: string): Promise<BuildUpload> {
  if (path === '-') return await fromInput(process.stdin, file);
  if (/^(?:https?|git|ssh):\/\/|^git@/.test(path))
    throw new ExitError(1, 'caisson: a context from a URL is not supported yet: fetch it first');
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new ExitError(1, `unable to prepare context: path ${JSON.stringify(path)} not found`);
  if (file === '-') return withDockerfile(await readAll(process.stdin), packTree(path, '.'));
  const dockerfile = file === '' ? join(path, 'Dockerfile') : file;
  if (!existsSync(dockerfile))
    throw new ExitError(
      1,
      `unable to prepare context: unable to evaluate Dockerfile: ${dockerfile} does not exist`,
    );
  const inside = relative(realpathSync(path), realpathSync(dockerfile));
  if (inside.startsWith('..') || isAbsolute(inside))
    return withDockerfile(readFileSync(dockerfile), packTree(path, '.'));
  return { body: packTree(path, '.'), dockerfile: inside };
}

async function fromInput(input: NodeJS.ReadStream, file: string): Promise<BuildUpload> {
  if (file === '-')
    throw new ExitError(1, "invalid argument: can't use stdin for both build context and Dockerfile");
  const chunks: AsyncIterator<Buffer> = input.iterator({ destroyOnReturn: false });
  let head: Buffer = Buffer.alloc(0);
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    head = Buffer.concat([head, next.value]);
    if (head.length > MAGIC_OFFSET + 5) break;
  }
  const isTar =
    detectCompression(head) !== 'none' || head.toString('latin1', MAGIC_OFFSET, MAGIC_OFFSET + 5) === 'ustar';
  if (isTar) return { body: following(head, chunks), dockerfile: file || 'Dockerfile' };
  return withDockerfile(await readAll(following(head, chunks)), [END_OF_ARCHIVE]);
}

async function* following(head: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void> {
  yield head;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}

/** A Dockerfile that is not in the context goes first, under a name that nothing else has. */
function withDockerfile(text: Buffer, rest: AsyncIterable<Buffer> | Iterable<Buffer>): BuildUpload {
  const dockerfile = `.dockerfile.${randomBytes(10).toString('hex')}`;
  const header = encodeHeader({ path: dockerfile, type: 'file', mode: 0o600, sizeBytes: text.length });
  const body = (async function* () {
    yield Buffer.concat([header, text, paddingFor(text.length)]);
    yield* rest;
  })();
  return { body, dockerfile };
}

async function readAll(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
