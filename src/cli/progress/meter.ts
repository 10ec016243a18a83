import type { Context } from '../context.ts';
import { humanSize } from '../format/sizes.ts';

/** Counts the bytes of a transfer and, on a terminal, shows them with their rate on one line of standard error. */
export interface Meter extends Disposable {
  /** Passes a stream through. */
  count(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, void>;
  /** Shows what happens before bytes flow. */
  note(text: string): void;
  /** Replaces the line by a last one. */
  finish(line: (size: string) => string): void;
}

export interface MeterOptions {
  /** Bytes in all, where that is known: a share is shown. */
  readonly total?: number;
  readonly label?: string;
}

const REDRAW_MS = 100;

export function createMeter(context: Context, quiet: boolean, options: MeterOptions = {}): Meter {
  const { total, label = 'Copying' } = options;
  const visible = !quiet && context.stderr.isTerminal;
  const started = Date.now();
  let bytes = 0;
  let drawn = 0;
  let shown = false;
  const draw = (): void => {
    const now = Date.now();
    if (!visible || now - drawn < REDRAW_MS || now - started < REDRAW_MS) return;
    drawn = now;
    shown = true;
    const rate = humanSize((bytes * 1000) / Math.max(now - started, 1), 3);
    const share = total
      ? ` of ${humanSize(total, 3)} (${Math.min(100, Math.round((bytes * 100) / total))}%)`
      : '';
    context.stderr.write(`\r\u001b[K${label} ${humanSize(bytes, 3)}${share}, ${rate}/s`);
  };
  const clear = (): void => {
    if (shown) context.stderr.write('\r\u001b[K');
    shown = false;
  };
  return {
    async *count(source) {
      for await (const chunk of source) {
        bytes += chunk.length;
        draw();
        yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      }
    },
    note: (text) => {
      if (!visible || bytes > 0) return;
      shown = true;
      context.stderr.write(`\r\u001b[K${text}`);
    },
    finish: (line) => {
      clear();
      if (visible) context.say(line(humanSize(bytes, 3)));
    },
    [Symbol.dispose]: clear,
  };
}
