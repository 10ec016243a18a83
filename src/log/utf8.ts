/**
 * The length of the UTF-8 sequence that begins at `at`, which is no ASCII; 0 if it is not valid: overlong forms,
 * surrogates, beyond U+10FFFF and cut ones are not (RFC 3629, the table of section 4).
 */
export function utf8SequenceLength(data: Uint8Array, at: number): number {
  const first = data[at] ?? 0;
  const second = data[at + 1] ?? 0;
  if (first >= 0xc2 && first <= 0xdf) return isContinuation(second) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const low = first === 0xe0 ? 0xa0 : 0x80;
    const high = first === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && isContinuation(data[at + 2] ?? 0) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const low = first === 0xf0 ? 0x90 : 0x80;
    const high = first === 0xf4 ? 0x8f : 0xbf;
    const rest = isContinuation(data[at + 2] ?? 0) && isContinuation(data[at + 3] ?? 0);
    return second >= low && second <= high && rest ? 4 : 0;
  }
  return 0;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
