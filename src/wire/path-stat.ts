/** The header in which the archive endpoints describe a file. */
import { EngineError } from '#base/errors.ts';
import type { PathStat } from './container.ts';
import { decodeStruct, integer, required, string, struct } from './go-json.ts';

export const PATH_STAT_HEADER = 'X-Docker-Container-Path-Stat';

const PATH_STAT = struct<PathStat>('ContainerPathStat', {
  name: required(string),
  size: required(integer),
  mode: required(integer),
  mtime: required(string),
  linkTarget: required(string),
});

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
