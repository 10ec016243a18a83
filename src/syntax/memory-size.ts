/** Sizes of memory as options have them: `512m`, `1.5GiB`, `100`, in powers of 1024 whatever the unit is called. */
import { EngineError } from '#base/errors.ts';

const SIZE = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(i?b)?$/i;

/** Bytes; undefined if it is no size. */
export function tryParseMemorySize(text: string): number | undefined {
  const match = SIZE.exec(text);
  if (match === null) return undefined;
  const unit = match[2]?.toLowerCase() ?? '';
  const power = unit === '' ? 0 : 'kmgtp'.indexOf(unit) + 1;
  return Math.trunc(Number(match[1]) * 1024 ** power);
}

/** Bytes. @throws {EngineError} `invalid` */
export function parseMemorySize(text: string): number {
  const bytes = tryParseMemorySize(text.trim());
  if (bytes !== undefined) return bytes;
  throw new EngineError('invalid', `invalid size: '${text}'`);
}
