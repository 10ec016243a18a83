const RARE_BLANK = /\s/u;

/** True for white space; `undefined`, past the end of a text, is none. Called for every character: no expression. */
export function isBlank(text: string, offset: number): boolean {
  const code = text.charCodeAt(offset);
  if (code === 0x20 || (code >= 0x09 && code <= 0x0d)) return true;
  return code >= 0x80 && RARE_BLANK.test(text[offset] ?? '');
}
