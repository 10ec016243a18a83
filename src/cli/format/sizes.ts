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
