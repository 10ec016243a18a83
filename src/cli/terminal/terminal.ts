import type { TerminalSize } from '#client/containers.ts';
import { isTerminal } from './is-terminal.ts';

export function stdinIsTerminal(): boolean {
  return isTerminal(0);
}

/** The size of the terminal on standard output; undefined where there is none. */
export function terminalSize(): TerminalSize | undefined {
  if (!isTerminal(1)) return undefined;
  const [columns, rows] = process.stdout.getWindowSize();
  return rows > 0 && columns > 0 ? { rows, columns } : undefined;
}

/** Puts the terminal on standard input into raw mode until disposed: keys come one by one, none means a signal. */
export function rawMode(): Disposable {
  if (!isTerminal(0)) return { [Symbol.dispose]() {} };
  process.stdin.setRawMode(true);
  return { [Symbol.dispose]: () => void process.stdin.setRawMode(false) };
}

/** Calls `resized` at every change of size until disposed. */
export function onResize(resized: (size: TerminalSize) => void): Disposable {
  const listener = (): void => {
    const size = terminalSize();
    if (size) resized(size);
  };
  process.on('SIGWINCH', listener);
  return { [Symbol.dispose]: () => void process.off('SIGWINCH', listener) };
}
