import {
  closeSync,
  createReadStream,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { diskDirectory, memoryDirectory } from '#client/build/directory-provider.ts';
import type { DirectoryProvider } from '#client/build/providers.ts';
import { detectCompression } from '#oci/compression.ts';
import { ExitError } from '../usage-error.ts';

/** Where the files of a build are, as the request and its providers have them. */
export interface BuildContextOperand {
  readonly context: string;
  readonly dockerfile: string;
  readonly hasDockerfile: boolean;
  readonly sharedKey: string;
  readonly directories: ReadonlyMap<string, DirectoryProvider>;
  readonly archive?: () => AsyncIterable<Uint8Array>;
}

type ClientSecret = () => string | undefined;

/** tar(5): where `ustar` stands in the first header. */
const MAGIC_OFFSET = 257;
const OVER_SSH = /^ssh:\/\/|^[\w-]+@[\w.-]+:/;
const URL = /^(?:https?|git):\/\/|^github\.com\//;

/**
 * @param path a directory, an archive, a URL, or `-` for an archive or a Dockerfile on standard input
 * @param file `--file`: in the directory or anywhere else, or `-` for standard input; empty: `Dockerfile`
 * @param secret asked for where the context is a directory
 */
export async function contextOperand(
  path: string,
  file: string,
  secret: ClientSecret,
): Promise<BuildContextOperand> {
  if (path === '-') return await fromInput(file);
  const dockerfile = file === '-' ? await readAll(process.stdin) : undefined;
  if (isUrl(path)) return remote(path, file, dockerfile);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() && isArchive(readHead(path))) return archiveFile(path, file, dockerfile);
  if (!stats) throw unprepared(`path ${JSON.stringify(path)} not found`);
  if (!stats.isDirectory())
    throw unprepared(
      `${JSON.stringify(path)} is neither a directory nor a tar; to build it as a Dockerfile: -f ${path} .`,
    );
  return directory(path, file, { given: dockerfile, secret });
}

export function isUrl(text: string): boolean {
  return URL.test(text) || isOverSsh(text);
}

export function isOverSsh(text: string): boolean {
  return OVER_SSH.test(text);
}

function directory(
  path: string,
  file: string,
  { given, secret }: { readonly given: Buffer | undefined; readonly secret: ClientSecret },
): BuildContextOperand {
  const name = given || file === '' ? 'Dockerfile' : basename(file);
  const files = given ? new Map([[name, given]]) : dockerfilesAt(file || join(path, name), path);
  return {
    context: '',
    dockerfile: name,
    hasDockerfile: true,
    sharedKey: sharedKeyOf(path, secret()),
    directories: new Map([
      ['context', diskDirectory(path)],
      ['dockerfile', memoryDirectory(files)],
    ]),
  };
}

/** The error names files that may have been meant. */
function missingDockerfile(path: string, context: string): string {
  if (existsSync(path)) return `${path} is no file`;
  const inContext = join(context, path);
  const isMeant = path !== inContext && existsSync(inContext);
  if (isMeant) return `${path} does not exist; -f ${inContext} does`;
  return basename(path) === 'Dockerfile'
    ? `${path} does not exist; another name is given with -f`
    : `${path} does not exist`;
}

/** The Dockerfile, and the ignore file that is beside it. */
function dockerfilesAt(path: string, context: string): ReadonlyMap<string, Uint8Array> {
  const lowerCase = join(dirname(path), 'dockerfile');
  const found = existsSync(path) || basename(path) !== 'Dockerfile' ? path : lowerCase;
  if (!statSync(found, { throwIfNoEntry: false })?.isFile())
    throw unprepared(`unable to evaluate Dockerfile: ${missingDockerfile(path, context)}`);
  const ignore = `${path}.dockerignore`;
  const files = new Map([[basename(path), readFileSync(found)]]);
  if (existsSync(ignore)) files.set(basename(ignore), readFileSync(ignore));
  return files;
}

function remote(url: string, file: string, given: Buffer | undefined): BuildContextOperand {
  const name = given ? 'Dockerfile' : file || 'Dockerfile';
  return {
    context: url.startsWith('github.com/') ? `https://${url}` : url,
    dockerfile: name,
    hasDockerfile: given !== undefined,
    sharedKey: '',
    directories: new Map(given ? [['dockerfile', memoryDirectory(new Map([[name, given]]))]] : []),
  };
}

function archiveFile(path: string, file: string, given: Buffer | undefined): BuildContextOperand {
  return { ...remote('', file, given), context: '-', archive: () => createReadStream(path) };
}

async function fromInput(file: string): Promise<BuildContextOperand> {
  if (file === '-')
    throw new ExitError(1, "invalid argument: can't use stdin for both build context and Dockerfile");
  const chunks: AsyncIterator<Buffer> = process.stdin.iterator({ destroyOnReturn: false });
  let head: Buffer = Buffer.alloc(0);
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    head = Buffer.concat([head, next.value]);
    if (head.length > MAGIC_OFFSET + 5) break;
  }
  const rest = following(head, chunks);
  if (isArchive(head)) return { ...remote('', file, undefined), context: '-', archive: () => rest };
  const files = new Map([['Dockerfile', await readAll(rest)]]);
  return {
    context: '',
    dockerfile: 'Dockerfile',
    hasDockerfile: true,
    sharedKey: '',
    directories: new Map([
      ['context', memoryDirectory(new Map())],
      ['dockerfile', memoryDirectory(files)],
    ]),
  };
}

function isArchive(head: Buffer): boolean {
  const isTar = head.toString('latin1', MAGIC_OFFSET, MAGIC_OFFSET + 5) === 'ustar';
  return isTar || detectCompression(head) !== 'none';
}

function readHead(path: string): Buffer {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(512);
    return head.subarray(0, readSync(fd, head, 0, head.length, 0));
  } finally {
    closeSync(fd);
  }
}

async function* following(head: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void> {
  yield head;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}

async function readAll(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/**
 * The same for builds of one directory by one user of one machine: what was sent need not be sent again. Empty without
 * a secret, for another client may have all the rest in common.
 */
function sharedKeyOf(path: string, secret: string | undefined): string {
  if (secret === undefined) return '';
  const host = readFileSync('/proc/sys/kernel/hostname', 'utf8').trim();
  return JSON.stringify([secret, host, process.getuid?.(), realpathSync(path)]);
}

function unprepared(why: string): ExitError {
  return new ExitError(1, `unable to prepare context: ${why}`);
}
