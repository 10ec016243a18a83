/** Shortens to `width` characters, the last of them an ellipsis (Docker's formatter.Ellipsis). */
export function ellipsis(text: string, width: number): string {
  if (text.length <= width) return text;
  const letters = Array.from(text);
  if (letters.length <= width) return text;
  return width <= 1 ? letters.slice(0, width).join('') : `${letters.slice(0, width - 1).join('')}…`;
}

/** A Go string literal (strconv.Quote). */
export function quote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  let quoted = '';
  for (const letter of text) quoted += ESCAPES[letter] ?? (isPrintable(letter) ? letter : hexEscape(letter));
  return `"${quoted}"`;
}

/** ASCII that stands for itself. */
const PLAIN = /^[ !#-[\]-~]*$/;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
};

function isPrintable(letter: string): boolean {
  return letter === ' ' || !/[\p{C}\p{Z}]/u.test(letter);
}

function hexEscape(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code > 0xffff
    ? `\\U${code.toString(16).padStart(8, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** The id as people see it: 12 digits, without the algorithm. */
export function truncateId(id: string): string {
  return id.replace(/^[^:]*:/, '').slice(0, 12);
}
