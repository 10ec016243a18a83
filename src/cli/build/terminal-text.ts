/** Text that may come from anywhere, as one line of a terminal. */

import { stripVTControlCharacters } from 'node:util';

/** Without what moves the cursor or changes colours; of a line that was overwritten, its last form. */
export function printable(text: string): string {
  const last = stripVTControlCharacters(text).replace(/\r+$/, '').split('\r').at(-1) ?? '';
  return last.replaceAll('\t', '    ').replaceAll(/\p{Cc}/gu, '');
}

/** No more than `columns` characters. */
export function fit(text: string, columns: number): string {
  const characters = Array.from(text);
  if (characters.length <= columns) return text;
  return `${characters.slice(0, Math.max(0, columns - 1)).join('')}…`;
}
