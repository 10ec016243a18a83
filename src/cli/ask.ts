import type { Context } from './context.ts';
import { rawMode, stdinIsTerminal } from './terminal/terminal.ts';
import { ExitError } from './usage-error.ts';

/**
 * Asks for a line on the terminal; a hidden one is not shown as it is typed. Several questions may follow each other:
 * what was typed ahead answers the next one.
 *
 * @throws {ExitError} 1 off a terminal and where the input ends before the line does, 130 at Ctrl-C
 */
export async function askLine(
  context: Context,
  question: string,
  options: { readonly hidden?: boolean } = {},
): Promise<string> {
  if (!stdinIsTerminal())
    throw new ExitError(1, 'Error: Cannot perform an interactive login from a non TTY device');
  if (!options.hidden) {
    context.stdout.write(question);
    return (await readLine()).trim();
  }
  // The echo ends before the question is shown: an answer that comes at once must not be seen either.
  using _raw = rawMode();
  context.stdout.write(question);
  try {
    return await readLine();
  } finally {
    context.stdout.write('\n');
  }
}

/** What was read beyond the end of the last line. */
let ahead: Buffer = Buffer.alloc(0);

/**
 * Reads standard input up to the end of a line, and pauses it. An iterator over the stream (readline's too) would
 * destroy it at the end of its loop, and the next question would find the end of the input.
 */
async function readLine(): Promise<string> {
  const line = new TypedLine();
  ahead = line.add(ahead);
  if (line.isComplete) return line.text;
  const { stdin } = process;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const take = (chunk: Buffer): void => {
    try {
      ahead = line.add(chunk);
      if (line.isComplete) resolve();
    } catch (error) {
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const end = (): void => reject(inputEnded());
  stdin.on('data', take).once('end', end).resume();
  try {
    await promise;
  } finally {
    stdin.off('data', take).off('end', end).pause();
  }
  return line.text;
}

const CONTROL_C = 3;
const CONTROL_D = 4;
const CONTROL_U = 21;
const LINE_ENDS = [10, 13];
const BACKSPACES = [8, 127];

/** A line as the keys of a terminal in raw mode make it; a cooked one has done so already. */
class TypedLine {
  #bytes: number[] = [];
  isComplete = false;

  get text(): string {
    return Buffer.from(this.#bytes).toString('utf8');
  }

  /** @returns what follows the end of the line. @throws {ExitError} at the keys that end the question */
  add(typed: Buffer): Buffer {
    for (const [index, byte] of typed.entries()) {
      if (LINE_ENDS.includes(byte)) {
        this.isComplete = true;
        return typed.subarray(index + 1);
      }
      this.#key(byte);
    }
    return Buffer.alloc(0);
  }

  #key(byte: number): void {
    if (byte === CONTROL_C) throw new ExitError(130);
    if (byte === CONTROL_D && this.#bytes.length === 0) throw inputEnded();
    if (byte === CONTROL_U) this.#bytes = [];
    else if (BACKSPACES.includes(byte)) this.#backspace();
    else this.#bytes.push(byte);
  }

  /** Takes away one character: its bytes after the first one are 10xxxxxx in UTF-8. */
  #backspace(): void {
    let last = this.#bytes.pop();
    while (last !== undefined && (last & 0xc0) === 0x80) last = this.#bytes.pop();
  }
}

function inputEnded(): ExitError {
  return new ExitError(1, 'Error: the input ended before the answer');
}
