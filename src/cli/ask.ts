import { createInterface } from 'node:readline';
import type { Context } from './context.ts';
import { rawMode, stdinIsTerminal } from './terminal/terminal.ts';
import { ExitError } from './usage-error.ts';

/** Asks for a line on the terminal; a hidden one is not shown as it is typed. @throws {ExitError} off a terminal */
export async function askLine(
  context: Context,
  question: string,
  options: { readonly hidden?: boolean } = {},
): Promise<string> {
  if (!stdinIsTerminal())
    throw new ExitError(1, 'Error: Cannot perform an interactive login from a non TTY device');
  context.stdout.write(question);
  if (options.hidden) return readHidden(context);
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    for await (const line of lines) return line.trim();
    return '';
  } finally {
    lines.close();
  }
}

const CONTROL_C = 3;
const BACKSPACES = [8, 127];

async function readHidden(context: Context): Promise<string> {
  using _raw = rawMode();
  const typed: number[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    for (const byte of chunk) {
      if (byte === CONTROL_C) throw new ExitError(130);
      if (byte === 13 || byte === 10) {
        context.stdout.write('\n');
        return Buffer.from(typed).toString('utf8');
      }
      if (BACKSPACES.includes(byte)) typed.pop();
      else typed.push(byte);
    }
  }
  return Buffer.from(typed).toString('utf8');
}
