/** The Range header of a GET (RFC 9110, 14): the one part that clients resume with. */
import { RegistryError } from './registry-error.ts';

export interface ByteRange {
  readonly offset: number;
  readonly lengthBytes: number;
}

const PATTERN = /^bytes=(\d*)-(\d*)$/;

/**
 * @returns undefined where the whole is to be sent: no range, several ranges, or text that is not a range
 * @throws {RegistryError} RANGE_UNSATISFIABLE if it starts after the end
 */
export function parseRange(header: string, sizeBytes: number): ByteRange | undefined {
  const [, first = '', last = ''] = PATTERN.exec(header) ?? [];
  if (first === '' && last === '') return undefined;
  const offset = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  if (first !== '' && last !== '' && Number(last) < offset) return undefined;
  if (offset >= sizeBytes) throw unsatisfiable(sizeBytes);
  return { offset, lengthBytes: end - offset };
}

function unsatisfiable(sizeBytes: number): RegistryError {
  return new RegistryError(
    'RANGE_UNSATISFIABLE',
    { sizeBytes },
    { headers: { 'Content-Range': `bytes */${sizeBytes}` } },
  );
}
