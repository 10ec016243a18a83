import type { ProgressMessage } from '#wire/image.ts';
import { jsonLines } from '#client/json-lines.ts';
import type { Context } from '../context.ts';
import type { Output } from '../output.ts';
import { ExitError } from '../usage-error.ts';

/**
 * Shows a stream of progress (pull, push, load, import): on a terminal a line for each layer, redrawn in place;
 * elsewhere each change of status once. Calls `aux` with what the engine tells beside it.
 *
 * @param output where to; undefined shows nothing
 * @throws {ExitError} with the error that the stream ends in
 */
export async function showProgress(
  context: Context,
  body: AsyncIterable<Buffer>,
  output: Output | undefined,
  aux: (value: object) => void = () => undefined,
): Promise<void> {
  const display = output && new ProgressDisplay(output);
  for await (const line of jsonLines(body)) {
    const message: ProgressMessage = JSON.parse(line);
    const error = message.errorDetail?.message ?? message.error;
    if (error !== undefined) throw new ExitError(1, `${context.program}: ${error}`);
    if (message.aux) aux(message.aux);
    else display?.show(message);
  }
}

class ProgressDisplay {
  readonly #output: Output;
  /** The line of each layer, counted from the first. */
  readonly #lines = new Map<string, number>();

  constructor(output: Output) {
    this.#output = output;
  }

  show(message: ProgressMessage): void {
    if (message.stream !== undefined) this.#output.write(message.stream);
    else if (this.#output.isTerminal) this.#redraw(message);
    // Off a terminal the bars would be very many lines.
    else if (!message.progress && !hasProgress(message)) this.#output.write(`${textOf(message)}\n`);
  }

  #redraw(message: ProgressMessage): void {
    const { id } = message;
    if (id === undefined || (!message.progressDetail && !this.#lines.has(id))) {
      this.#output.write(`${textOf(message)}\n`);
      // What was drawn before scrolled up by a line that is not counted.
      this.#lines.clear();
      return;
    }
    const known = this.#lines.get(id);
    if (known === undefined) {
      this.#lines.set(id, this.#lines.size);
      this.#output.write(`\u001b[2K${textOf(message)}\n`);
      return;
    }
    const up = this.#lines.size - known;
    this.#output.write(`\u001b[${up}A\r\u001b[2K${textOf(message)}\r\u001b[${up}B`);
  }
}

function hasProgress({ progressDetail }: ProgressMessage): boolean {
  return progressDetail !== undefined && (progressDetail.current ?? 0) > 0;
}

function textOf({ id, status = '', progress, progressDetail }: ProgressMessage): string {
  const bar = progress ?? (progressDetail ? barOf(progressDetail) : '');
  return `${id === undefined ? '' : `${id}: `}${status}${bar === '' ? '' : ` ${bar}`}`;
}

function barOf({ current = 0, total = 0 }: { readonly current?: number; readonly total?: number }): string {
  if (total <= 0) return '';
  const filled = Math.min(BAR_WIDTH, Math.round((current / total) * BAR_WIDTH));
  return `[${'='.repeat(filled)}>${' '.repeat(BAR_WIDTH - filled)}]`;
}

const BAR_WIDTH = 30;
