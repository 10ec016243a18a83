/** Text that may come from anywhere, as one line of a terminal. */

const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

/** Without what moves the cursor or changes colours; of a line that was overwritten, its last form. */
export function printable(text: string): string {
  const last = text.replace(ESCAPES, '').replace(/\r+$/, '').split('\r').at(-1) ?? '';
  return last.replaceAll('\t', '    ').replace(CONTROLS, '');
}

/** No more than `columns` characters. */
export function fit(text: string, columns: number): string {
  const characters = Array.from(text);
  if (characters.length <= columns) return text;
  return `${characters.slice(0, Math.max(0, columns - 1)).join('')}…`;
}
