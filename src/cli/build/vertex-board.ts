/** What a build does, put together from its events. */
import type { WireBuildEvent, WireProgress, WireVertex, WireWarning } from '#wire/build-session.ts';

/** Lines of a vertex's output that are kept for when it fails. */
const KEPT_LINES = 30;
const MAXIMUM_LINE = 4096;

export interface BoardVertex {
  /** In the order in which they begin; 0 before. */
  number: number;
  status: WireVertex;
  readonly progress: Map<string, WireProgress>;
  readonly lines: OutputLine[];
  /** Has no end of a line yet. */
  partial: string;
  readonly decoder: TextDecoder;
}

export interface OutputLine {
  /** Since the vertex began. */
  readonly seconds: number;
  readonly text: string;
}

/** What an event has changed, for displays that tell each change. */
export type BoardChange =
  | { readonly kind: 'vertex'; readonly vertex: BoardVertex; readonly before: WireVertex | undefined }
  | { readonly kind: 'lines'; readonly vertex: BoardVertex; readonly lines: readonly OutputLine[] }
  | { readonly kind: 'progress'; readonly vertex: BoardVertex; readonly progress: WireProgress };

export class VertexBoard {
  readonly warnings: WireWarning[] = [];
  readonly #vertices = new Map<string, BoardVertex>();
  #begun = 0;

  /** In the order in which they were told. */
  get vertices(): Iterable<BoardVertex> {
    return this.#vertices.values();
  }

  get size(): number {
    return this.#vertices.size;
  }

  apply(event: WireBuildEvent, data: Buffer): BoardChange | undefined {
    switch (event.type) {
      case 'vertex':
        return this.#change(event.vertex);
      case 'vertex-output': {
        const vertex = this.#vertices.get(event.vertex);
        return vertex && { kind: 'lines', vertex, lines: addOutput(vertex, event.atMs, data) };
      }
      case 'vertex-progress': {
        const vertex = this.#vertices.get(event.vertex);
        vertex?.progress.set(event.progress.id, event.progress);
        return vertex && { kind: 'progress', vertex, progress: event.progress };
      }
      case 'warning':
        this.warnings.push(event.warning);
        return undefined;
      case 'built':
        return undefined;
    }
  }

  #change(status: WireVertex): BoardChange {
    const known = this.#vertices.get(status.digest);
    const vertex = known ?? newVertex(status);
    const before = known?.status;
    vertex.status = status;
    if (vertex.number === 0 && status.startedAtMs !== undefined) vertex.number = ++this.#begun;
    this.#vertices.set(status.digest, vertex);
    return { kind: 'vertex', vertex, before };
  }
}

function newVertex(status: WireVertex): BoardVertex {
  return { number: 0, status, progress: new Map(), lines: [], partial: '', decoder: new TextDecoder() };
}

function addOutput(vertex: BoardVertex, atMs: number, data: Buffer): readonly OutputLine[] {
  const seconds = Math.max(0, atMs - (vertex.status.startedAtMs ?? atMs)) / 1000;
  const parts = (vertex.partial + vertex.decoder.decode(data, { stream: true })).split('\n');
  vertex.partial = (parts.pop() ?? '').slice(-MAXIMUM_LINE);
  return keep(
    vertex,
    parts.map((text) => ({ seconds, text: text.replace(/\r+$/, '') })),
  );
}

/** The end of an output without an end of its last line. */
export function takePartial(vertex: BoardVertex): readonly OutputLine[] {
  const { partial: text, status } = vertex;
  if (text === '') return [];
  vertex.partial = '';
  const { startedAtMs = 0, completedAtMs = startedAtMs } = status;
  return keep(vertex, [{ seconds: (completedAtMs - startedAtMs) / 1000, text }]);
}

function keep(vertex: BoardVertex, lines: readonly OutputLine[]): readonly OutputLine[] {
  vertex.lines.push(...lines.slice(-KEPT_LINES));
  vertex.lines.splice(0, Math.max(0, vertex.lines.length - KEPT_LINES));
  return lines;
}

/** How long it took, or has taken so far. */
export function durationSeconds({ startedAtMs, completedAtMs }: WireVertex, nowMs: number): number {
  if (startedAtMs === undefined) return 0;
  return Math.max(0, (completedAtMs ?? nowMs) - startedAtMs) / 1000;
}
