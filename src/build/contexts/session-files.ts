import { constants as fs } from 'node:fs';
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import type { BuildSession } from '../session/build-session.ts';

/** A larger file is taken for neither a Dockerfile nor an ignore file. */
const MAXIMUM_BYTES = 16 << 20;

/**
 * Reads some small files of a client's directory; those that are not there are not in the result.
 *
 * @throws {EngineError} `invalid` for what is too large to be a text that people write
 */
export async function readSessionFiles(
  session: BuildSession,
  directory: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const names = new Map(paths.map((path) => [posix.join('/', path).slice(1), path]));
  const query = { directory, followPaths: [...names.keys()], includePatterns: [], excludePatterns: [] };
  await using transfer = session.openFiles(query, signal);
  const found = new Map<string, AsyncIterable<Buffer>>();
  const links = new Map<string, string>();
  let position = 0;
  const wanted: (readonly [path: string, position: number])[] = [];
  for await (const { path, mode, sizeBytes, linkName } of transfer.entries()) {
    const type = mode & fs.S_IFMT;
    if (type === fs.S_IFLNK) links.set(path, posix.join(posix.dirname(path), linkName));
    if (type === fs.S_IFREG && wanted.push([path, position]) && sizeBytes > MAXIMUM_BYTES)
      throw tooLarge(path);
    if (++position > MAXIMUM_ENTRIES)
      throw new EngineError('invalid', `Cannot read ${paths.join(', ')}: the client tells of too many files`);
  }
  for (const [path, position] of wanted.slice(0, MAXIMUM_FILES)) found.set(path, transfer.contents(position));
  const texts = new Map<string, string>();
  for (const [path, contents] of found) texts.set(path, await textOf(path, contents));
  await transfer.finish();
  return new Map(
    [...names].flatMap(([name, path]) => {
      const text = texts.get(followed(name, links));
      return text === undefined ? [] : [[path, text] as const];
    }),
  );
}

/** A directory may be called as a file is. */
const MAXIMUM_ENTRIES = 1_000_000;
/** The files that were asked for and those that their links lead to. */
const MAXIMUM_FILES = 64;
const MAXIMUM_LINKS = 40;

function followed(name: string, links: ReadonlyMap<string, string>): string {
  let path = name;
  for (let count = 0; count < MAXIMUM_LINKS; count++) {
    const next = links.get(path);
    if (next === undefined) return path;
    path = next;
  }
  return path;
}

async function textOf(path: string, contents: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of contents) {
    bytes += chunk.length;
    if (bytes > MAXIMUM_BYTES) throw tooLarge(path);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function tooLarge(path: string): EngineError {
  return new EngineError('invalid', `Cannot read ${path}: it is larger than ${MAXIMUM_BYTES >> 20} MiB`);
}
