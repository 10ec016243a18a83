/** The header in which the archive endpoints describe a file. */
import { EngineError } from '#base/errors.ts';
import { type Decoded, decodeStruct, integer, string, struct } from './go-json.ts';

export const PATH_STAT_HEADER = 'X-Docker-Container-Path-Stat';

const PATH_STAT = struct('ContainerPathStat', {
  name: string,
  size: integer,
  /** Go's `FileMode` bits: directories carry 1<<31, symlinks 1<<27; the low nine are the permissions. */
  mode: integer,
  /** RFC 3339. */
  mtime: string,
  linkTarget: string,
});
export type PathStat = Decoded<typeof PATH_STAT>;

/** Base64 of JSON, as the header carries it. */
export function encodePathStat(stat: PathStat): string {
  const { name, size, mode, mtime, linkTarget } = stat;
  return Buffer.from(JSON.stringify({ name, size, mode, mtime, linkTarget })).toString('base64');
}

/** @throws {EngineError} `invalid` */
export function decodePathStat(header: string): PathStat {
  try {
    return decodeStruct(JSON.parse(Buffer.from(header, 'base64').toString('utf8')), PATH_STAT);
  } catch (cause) {
    throw new EngineError('invalid', 'Cannot read the description of a path: malformed header', { cause });
  }
}
