import type { Key } from './view-state.ts';

/** What terminals send (xterm's and the console's sequences). */
const SEQUENCES: Readonly<Record<string, Key>> = {
  '\u001b[A': 'up',
  '\u001bOA': 'up',
  '\u001b[B': 'down',
  '\u001bOB': 'down',
  '\u001b[C': 'right',
  '\u001bOC': 'right',
  '\u001b[D': 'left',
  '\u001bOD': 'left',
  '\u001b[5~': 'page-up',
  '\u001b[6~': 'page-down',
  '\u001b[H': 'home',
  '\u001bOH': 'home',
  '\u001b[1~': 'home',
  '\u001b[F': 'end',
  '\u001bOF': 'end',
  '\u001b[4~': 'end',
  '\u001b': 'escape',
  '\t': 'tab',
  '\r': 'enter',
  '\n': 'enter',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0003': 'interrupt',
  '\u0004': 'interrupt',
};

// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const TOKEN = /\u001b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])|[\s\S]/gu;

/** The keys in what a terminal in raw mode sent; sequences that mean nothing here are left out. */
export function keysOf(text: string): readonly Key[] {
  return (text.match(TOKEN) ?? []).flatMap((token) => {
    const key = SEQUENCES[token];
    if (key !== undefined) return [key];
    return token >= ' ' && !token.startsWith('\u001b') ? [{ text: token }] : [];
  });
}
