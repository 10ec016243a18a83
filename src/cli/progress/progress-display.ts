import type { ProgressMessage } from '#wire/image.ts';
import { ApiError } from '#client/api-error.ts';
import { jsonLines } from '#client/json-lines.ts';
import type { Output } from '../output.ts';
import { terminalSize } from '../terminal/terminal.ts';
import { progressLine } from './progress-line.ts';

/** The width of a terminal that does not report its own. */
const DEFAULT_SIZE = { rows: 24, columns: 80 };

/**
 * Shows a stream of progress (pull, push, load, import): on a terminal a line for each layer, redrawn in place;
 * elsewhere each change of status once. Calls `aux` with what the engine tells beside it.
 *
 * @param output where to; undefined shows nothing
 * @throws {ApiError} with the error that the stream ends in
 */
export async function showProgress(
  body: AsyncIterable<Buffer>,
  output: Output | undefined,
  aux: (value: object) => void = () => undefined,
): Promise<void> {
  const display = output && new ProgressDisplay(output);
  for await (const line of jsonLines(body)) {
    const message: ProgressMessage = JSON.parse(line);
    const error = message.errorDetail?.message ?? message.error;
    if (error !== undefined) throw new ApiError(500, error);
    if (message.aux) aux(message.aux);
    else display?.show(message);
  }
}

class ProgressDisplay {
  readonly #output: Output;
  readonly #size: () => { readonly rows: number; readonly columns: number };
  /** The line of each layer, counted from the first. */
  readonly #lines = new Map<string, number>();

  /** @param size of the terminal, asked for anew each time: people resize it */
  constructor(output: Output, size = () => terminalSize() ?? DEFAULT_SIZE) {
    this.#output = output;
    this.#size = size;
  }

  show(message: ProgressMessage): void {
    if (message.stream !== undefined) this.#output.write(message.stream);
    else if (this.#output.isTerminal) this.#redraw(message);
    // Off a terminal the bars would be very many lines.
    else if (!hasProgress(message)) this.#output.write(`${plainText(message)}\n`);
  }

  #redraw(message: ProgressMessage): void {
    const { id } = message;
    if (id === undefined || (!message.progressDetail && !this.#lines.has(id))) {
      this.#output.write(`${plainText(message)}\n`);
      // What was drawn before scrolled up by a line that is not counted.
      this.#lines.clear();
      return;
    }
    const { rows, columns } = this.#size();
    // A full line would have the terminal begin another.
    const text = progressLine(message, columns - 1);
    const known = this.#lines.get(id);
    if (known === undefined) {
      this.#lines.set(id, this.#lines.size);
      this.#output.write(`\u001b[2K${text}\n`);
      return;
    }
    const up = this.#lines.size - known;
    // What has left the screen cannot be drawn on.
    if (up < rows) this.#output.write(`\u001b[${up}A\u001b[2K\r${text}\r\u001b[${up}B`);
  }
}

function hasProgress({ progress, progressDetail }: ProgressMessage): boolean {
  return Boolean(progress) || (progressDetail?.current ?? 0) > 0;
}

function plainText({ id, status = '', progress }: ProgressMessage): string {
  return `${id === undefined ? '' : `${id}: `}${status}${progress ? ` ${progress}` : ''}`;
}
