import type { WireBuildEvent, WireBuildFailure, WireProgress, WireVertex } from '#wire/build-session.ts';
import { humanSize } from '../format/sizes.ts';
import type { Output } from '../output.ts';
import type { Style } from '../style.ts';
import type { BuildDisplay } from './build-display.ts';
import { CANCELED, failureLines } from './failure-lines.ts';
import { type BoardVertex, durationSeconds, takePartial, VertexBoard } from './vertex-board.ts';

/** A transfer is told again after this long. */
const TOLD_AGAIN_MS = 1000;

/** Every change as a line, in BuildKit's form: `#5 [2/4] RUN make`, `#5 0.312 output`, `#5 DONE 0.4s`. */
export class PlainDisplay implements BuildDisplay {
  readonly #output: Output | undefined;
  readonly #style: Style;
  readonly #board = new VertexBoard();
  /** Those whose name was written, and whose end was not. */
  readonly #open = new Set<BoardVertex>();
  readonly #toldAtMs = new Map<string, number>();
  #current: BoardVertex | undefined;

  /** @param output undefined: only failures are shown, by {@link finish} */
  constructor(output: Output | undefined, style: Style) {
    this.#output = output;
    this.#style = style;
  }

  get warnings() {
    return this.#board.warnings;
  }

  show(event: WireBuildEvent, data: Buffer): void {
    const change = this.#board.apply(event, data);
    if (!change || !this.#output) return;
    if (change.kind === 'vertex') this.#vertex(change.vertex, change.before);
    else if (change.kind === 'progress') this.#progress(change.vertex, change.progress);
    else
      for (const { seconds, text } of change.lines) this.#say(change.vertex, `${seconds.toFixed(3)} ${text}`);
  }

  finish(failure?: WireBuildFailure): void {
    if (!failure) return;
    for (const line of failureLines(this.#board.vertices, failure, true)) this.#write(line);
  }

  [Symbol.dispose](): void {
    this.#open.clear();
  }

  #vertex(vertex: BoardVertex, before: WireVertex | undefined): void {
    const { status } = vertex;
    if (status.startedAtMs === undefined) return;
    if (before?.startedAtMs === undefined || !this.#open.has(vertex)) this.#begin(vertex);
    if (status.completedAtMs === undefined || before?.completedAtMs !== undefined) return;
    for (const { seconds, text } of takePartial(vertex)) this.#say(vertex, `${seconds.toFixed(3)} ${text}`);
    this.#say(vertex, this.#endOf(status));
    this.#write('');
    this.#open.delete(vertex);
    this.#current = undefined;
  }

  #begin(vertex: BoardVertex): void {
    this.#open.add(vertex);
    this.#turnTo(vertex);
  }

  #endOf(status: WireVertex): string {
    if (status.error === CANCELED) return this.#style.yellow('CANCELED');
    if (status.error !== undefined) return `${this.#style.red('ERROR:')} ${status.error}`;
    if (status.cached) return 'CACHED';
    return `DONE ${durationSeconds(status, 0).toFixed(1)}s`;
  }

  #progress(vertex: BoardVertex, progress: WireProgress): void {
    const key = `${vertex.status.digest} ${progress.id}`;
    const isDone = progress.completedAtMs !== undefined;
    const now = Date.now();
    if (!isDone && now - (this.#toldAtMs.get(key) ?? 0) < TOLD_AGAIN_MS) return;
    this.#toldAtMs.set(key, now);
    this.#say(vertex, progressText(progress));
  }

  #say(vertex: BoardVertex, text: string): void {
    if (vertex.number === 0) return;
    this.#turnTo(vertex);
    this.#write(`#${vertex.number} ${text}`);
  }

  /** Says which vertex the lines that follow are of, where it is another one. */
  #turnTo(vertex: BoardVertex): void {
    if (this.#current === vertex) return;
    if (this.#current) this.#write(`#${this.#current.number} ...\n`);
    this.#current = vertex;
    this.#write(`#${vertex.number} ${vertex.status.name}`);
  }

  #write(line: string): void {
    this.#output?.write(`${line}\n`);
  }
}

/** `transferring context: 12.3MB 0.4s done`. */
function progressText(progress: WireProgress): string {
  const { startedAtMs, completedAtMs } = progress;
  const time =
    completedAtMs === undefined ? '' : ` ${((completedAtMs - startedAtMs) / 1000).toFixed(1)}s done`;
  return `${movementText(progress)}${time}`;
}

/** `transferring context: 12.3MB`: after a colon there is always an amount. */
export function movementText({ id, current, total }: WireProgress): string {
  const of = total > 0 ? ` / ${humanSize(total, 3)}` : '';
  const isAmount = id.endsWith(':') || current > 0 || total > 0;
  const size = isAmount ? ` ${humanSize(current, 3)}${of}` : '';
  return `${id}${size}`;
}
