/** Sizes for people, as Docker's go-units writes them. */
const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'];

/** `1.23MB`: thousands, with `precision` digits in all. */
export function humanSize(bytes: number, precision = 4): string {
  return scaled(bytes, 1000, DECIMAL, precision);
}

/** `1.234MiB`: powers of 1024. */
export function binarySize(bytes: number): string {
  return scaled(bytes, 1024, BINARY, 4);
}

function scaled(bytes: number, base: number, units: readonly string[], precision: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= base && unit < units.length - 1) {
    size /= base;
    unit++;
  }
  return `${general(size, precision)}${units[unit]}`;
}

/** C's `%.<precision>g` for the numbers that occur here (no exponents below ten million). */
function general(value: number, precision: number): string {
  const text = value.toPrecision(precision);
  if (text.includes('e')) return goExponent(text);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function goExponent(text: string): string {
  const [mantissa = '', exponent = ''] = text.split('e');
  const digits = exponent.replace(/[+-]/, '').padStart(2, '0');
  return `${mantissa.replace(/\.?0+$/, '')}e${exponent.startsWith('-') ? '-' : '+'}${digits}`;
}

const UNITS: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/**
 * Bytes from `512m`, `1.5GB`, `100`: powers of 1024, as Docker reads the sizes of memory.
 *
 * @throws {Error} if the text is no size
 */
export function parseMemory(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text.trim());
  if (!match) throw new Error(`invalid size: '${text}'`);
  const [, number = '', unit = ''] = match;
  return Math.trunc(Number(number) * 1024 ** (UNITS[unit.toLowerCase()] ?? 0));
}
