import type { WireBuildEvent, WireBuildFailure } from '#wire/build-session.ts';
import type { Output } from '../output.ts';
import type { Style } from '../style.ts';
import type { BuildDisplay } from './build-display.ts';
import { CANCELED, failureLines } from './failure-lines.ts';
import { movementText } from './plain-display.ts';
import { fit, printable } from './terminal-text.ts';
import { type BoardVertex, durationSeconds, VertexBoard } from './vertex-board.ts';

const REDRAW_MS = 80;
/** Lines of output that are shown of each step that runs. */
const TAIL_LINES = 4;
const FALLBACK_SIZE = { columns: 80, rows: 24 };

/**
 * Redraws a picture in place: what runs, with how long it has and the end of its output, below what is done. It never
 * has more lines than the terminal; the last one has everything.
 */
export class TtyDisplay implements BuildDisplay {
  readonly #output: Output;
  readonly #style: Style;
  readonly #board = new VertexBoard();
  readonly #startedAtMs = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #drawnLines = 0;
  #isHidden = false;

  constructor(output: Output, style: Style) {
    this.#output = output;
    this.#style = style;
    // What is over sooner than this is drawn once.
    this.#timer = setInterval(() => this.#draw(false), REDRAW_MS);
  }

  get warnings() {
    return this.#board.warnings;
  }

  show(event: WireBuildEvent, data: Buffer): void {
    this.#board.apply(event, data);
  }

  finish(failure?: WireBuildFailure): void {
    this.#stop();
    this.#draw(true, failure);
    this[Symbol.dispose]();
    if (!failure) return;
    for (const line of failureLines(this.#board.vertices, failure, true)) this.#output.write(`${line}\n`);
  }

  [Symbol.dispose](): void {
    this.#stop();
    if (this.#isHidden) this.#output.write('\u001b[?25h');
    this.#isHidden = false;
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #draw(isLast: boolean, failure?: WireBuildFailure): void {
    const size = sizeOf(this.#output);
    const lines = pictureOf(this.#board, {
      ...size,
      style: this.#style,
      nowMs: Date.now(),
      startedAtMs: this.#startedAtMs,
      isLast,
      isFailed: failure !== undefined,
    });
    const hide = isLast || this.#isHidden ? '' : '\u001b[?25l';
    if (!isLast) this.#isHidden = true;
    // Up to where the picture begins; what was longer is cleared.
    const back = this.#drawnLines > 0 ? `\u001b[${this.#drawnLines}A` : '';
    this.#output.write(`${hide}${back}\r${lines.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[J`);
    this.#drawnLines = lines.length;
  }
}

function sizeOf({ fd }: Output): { readonly columns: number; readonly rows: number } {
  const stream = fd === 1 ? process.stdout : process.stderr;
  // Undefined where the stream is none, zero where the terminal does not know.
  const size: { readonly columns?: number; readonly rows?: number } = stream;
  return { columns: size.columns || FALLBACK_SIZE.columns, rows: size.rows || FALLBACK_SIZE.rows };
}

export interface PictureOptions {
  readonly columns: number;
  readonly rows: number;
  readonly style: Style;
  readonly nowMs: number;
  readonly startedAtMs: number;
  readonly isLast: boolean;
  readonly isFailed: boolean;
}

/** Lines of no more than the terminal's columns, and, but for the last picture, fewer than its rows. */
export function pictureOf(board: VertexBoard, options: PictureOptions): readonly string[] {
  const begun = [...board.vertices]
    .filter(({ status }) => status.startedAtMs !== undefined)
    .toSorted((one, other) => one.number - other.number);
  const groups = begun.map((vertex) => ({
    isDone: vertex.status.completedAtMs !== undefined,
    lines: linesOf(vertex, options),
  }));
  const room = options.isLast ? Number.POSITIVE_INFINITY : Math.max(1, options.rows - 2);
  return [headOf(board, begun, options), ...fitRows(groups, room)];
}

interface Group {
  readonly isDone: boolean;
  readonly lines: readonly string[];
}

/** What is done longest goes first, then tails of output. */
function fitRows(groups: readonly Group[], room: number): readonly string[] {
  const count = (kept: readonly Group[]) => kept.reduce((sum, { lines }) => sum + lines.length, 0);
  let kept = groups;
  while (count(kept) > room) {
    const first = kept.findIndex(({ isDone }) => isDone);
    if (first < 0) break;
    kept = kept.filter((_, index) => index !== first);
  }
  if (count(kept) > room) kept = kept.map((group) => ({ ...group, lines: group.lines.slice(0, 1) }));
  const lines = kept.flatMap((group) => group.lines);
  return Number.isFinite(room) ? lines.slice(-room) : lines;
}

function headOf(board: VertexBoard, begun: readonly BoardVertex[], options: PictureOptions): string {
  const { nowMs, startedAtMs, isLast, isFailed, style, columns } = options;
  const done = begun.filter(({ status }) => status.completedAtMs !== undefined).length;
  const seconds = ((nowMs - startedAtMs) / 1000).toFixed(1);
  const state = isFailed ? ' FAILED' : isLast ? ' FINISHED' : '';
  const text = fit(`[+] Building ${seconds}s (${done}/${board.size})${state}`, columns);
  if (isFailed) return style.red(text);
  return isLast ? style.cyan(text) : text;
}

function linesOf(vertex: BoardVertex, options: PictureOptions): readonly string[] {
  const { style, columns, nowMs } = options;
  const { status } = vertex;
  const isDone = status.completedAtMs !== undefined;
  const time = `${durationSeconds(status, nowMs).toFixed(1)}s`;
  const paint = paintOf(status, style);
  const lines = [paint(row(` => ${mark(vertex)}${printable(status.name)}`, time, columns))];
  for (const progress of vertex.progress.values()) {
    if (isDone && progress.completedAtMs === undefined) continue;
    const seconds = ((progress.completedAtMs ?? nowMs) - progress.startedAtMs) / 1000;
    const text = movementText(progress);
    lines.push(paint(row(` => => ${printable(text)}`, `${seconds.toFixed(1)}s`, columns)));
  }
  if (isDone) return lines;
  const output = [...vertex.lines.map(({ text }) => text), vertex.partial].filter((text) => text !== '');
  for (const text of output.slice(-TAIL_LINES))
    lines.push(style.dim(fit(` => => # ${printable(text)}`, columns)));
  return lines;
}

function mark({ status }: BoardVertex): string {
  if (status.error === CANCELED) return 'CANCELED ';
  if (status.error !== undefined) return 'ERROR ';
  return status.cached && status.completedAtMs !== undefined ? 'CACHED ' : '';
}

function paintOf(status: BoardVertex['status'], style: Style): (text: string) => string {
  if (status.error === CANCELED) return (text) => style.yellow(text);
  if (status.error !== undefined) return (text) => style.red(text);
  return status.completedAtMs === undefined ? (text) => text : (text) => style.cyan(text);
}

/** The time stands at the right edge, where there is room for it. */
function row(text: string, time: string, columns: number): string {
  const room = columns - time.length - 1;
  if (room < MINIMUM_TEXT) return fit(text, columns);
  return `${fit(text, room).padEnd(room)} ${time}`;
}

const MINIMUM_TEXT = 20;
