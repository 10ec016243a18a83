import { isatty } from 'node:tty';
import type { TerminalSize } from '#client/containers.ts';

export function stdinIsTerminal(): boolean {
  return isatty(0);
}

/** The size of the terminal on standard output; undefined where there is none. */
export function terminalSize(): TerminalSize | undefined {
  if (!isatty(1)) return undefined;
  const [columns, rows] = process.stdout.getWindowSize();
  return rows > 0 && columns > 0 ? { rows, columns } : undefined;
}

/** Puts the terminal on standard input into raw mode until disposed: keys come one by one, none means a signal. */
export function rawMode(): Disposable {
  if (!isatty(0)) return { [Symbol.dispose]() {} };
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
