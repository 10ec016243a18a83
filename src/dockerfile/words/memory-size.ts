/** `512m`, `1.5GiB`, `100`: sizes in powers of 1024, as Docker's options have them. */
const SIZE = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(i?b)?$/i;

/** Bytes; undefined if it is no size. */
export function parseMemorySize(text: string): number | undefined {
  const match = SIZE.exec(text);
  if (match === null) return undefined;
  const unit = match[2]?.toLowerCase() ?? '';
  const power = unit === '' ? 0 : 'kmgtp'.indexOf(unit) + 1;
  return Math.trunc(Number(match[1]) * 1024 ** power);
}
