/** CRC-32 of two pieces that were summed apart (zlib's `crc32_combine`), by arithmetic modulo its polynomial. */

const POLYNOMIAL = 0xedb88320;
/** Bit 31 is x to the power of 0: bits are reversed, as in the checksum itself. */
const ONE = 0x80000000;
const X = 0x40000000;

/** @param secondBytes length of the second piece */
export function combinedCrc32(first: number, second: number, secondBytes: number): number {
  return (product(powerOfX(8 * secondBytes), first) ^ second) >>> 0;
}

function powerOfX(exponent: number): number {
  let power = ONE;
  let square = X;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = product(square, power);
    square = product(square, square);
  }
  return power;
}

function product(a: number, b: number): number {
  let sum = 0;
  let shifted = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) sum ^= shifted;
    shifted = (shifted & 1) === 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return sum >>> 0;
}
