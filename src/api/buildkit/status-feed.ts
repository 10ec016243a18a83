/** `Control/Status`: a build's events in BuildKit's messages, several in one where they come together. */
import { Condition } from '#base/condition.ts';
import type { BuildEvent, BuildWarning, GraphEvent } from '#build/build.ts';
import { timestamp } from '#wire/buildkit/common.ts';
import type { StatusInput } from '#wire/buildkit/control.ts';
import type { WarnRequest } from '#wire/buildkit/gateway.ts';
import { vertexError } from '../errors/build-failure.ts';

/** The most events of one message; clients take 16 MiB. */
const MAXIMUM_EVENTS = 512;
/** Bytes of output that are kept before the client asks for it. */
const MAXIMUM_UNREAD_BYTES = 8 * 2 ** 20;

/** A client's own warning, as it is told to itself. */
interface ClientWarning {
  readonly type: 'client-warning';
  readonly warning: WarnRequest;
}

type FeedEvent = GraphEvent | ClientWarning;

/** What one build tells, kept until its client asks for it; for one reader. */
export class StatusFeed {
  #events: FeedEvent[] = [];
  #outputBytes = 0;
  #isRead = false;
  #hasEnded = false;
  readonly #arrived = new Condition();
  readonly #taken = new Condition();

  /** Resolves when more may follow. */
  async tell(event: GraphEvent): Promise<void> {
    this.#events.push(event);
    if (event.type === 'vertex-output') this.#outputBytes += event.data.length;
    this.#arrived.notifyAll();
    if (!this.#isRead && this.#outputBytes > MAXIMUM_UNREAD_BYTES) this.#dropOutput();
    while (this.#isRead && this.#events.length >= MAXIMUM_EVENTS) await this.#taken.wait();
  }

  warn(warning: WarnRequest): void {
    this.#events.push({ type: 'client-warning', warning });
    this.#arrived.notifyAll();
  }

  end(): void {
    this.#hasEnded = true;
    this.#arrived.notifyAll();
  }

  /** Yields messages until the build is over. */
  async *read(signal: AbortSignal): AsyncGenerator<StatusInput, void> {
    this.#isRead = true;
    const stop = () => this.#leave();
    signal.addEventListener('abort', stop);
    try {
      for (;;) {
        const events = this.#take();
        if (events.length > 0) yield statusResponseOf(events);
        else if (this.#hasEnded || signal.aborted) return;
        else await this.#arrived.wait();
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#leave();
    }
  }

  #take(): readonly FeedEvent[] {
    const events = this.#events.splice(0, MAXIMUM_EVENTS);
    for (const event of events) if (event.type === 'vertex-output') this.#outputBytes -= event.data.length;
    this.#taken.notifyAll();
    return events;
  }

  /** The build goes on without a reader. */
  #leave(): void {
    this.#isRead = false;
    this.#arrived.notifyAll();
    this.#taken.notifyAll();
  }

  #dropOutput(): void {
    this.#events = this.#events.filter(({ type }) => type !== 'vertex-output');
    this.#outputBytes = 0;
  }
}

export function isGraphEvent(event: BuildEvent): event is GraphEvent {
  return event.type === 'warning' || event.type.startsWith('vertex');
}

export function statusResponseOf(events: readonly FeedEvent[]): StatusInput {
  const of = <T extends FeedEvent['type']>(type: T) =>
    events.filter((event): event is Extract<FeedEvent, { readonly type: T }> => event.type === type);
  return {
    vertexes: of('vertex').map(({ vertex }) => ({
      digest: vertex.digest,
      inputs: vertex.inputs,
      name: vertex.name,
      cached: vertex.cached,
      started: timeOf(vertex.startedAtMs),
      completed: timeOf(vertex.completedAtMs),
      error: vertexError(vertex) ?? '',
    })),
    statuses: of('vertex-progress').map(({ vertex, progress }) => ({
      ID: progress.id,
      vertex,
      name: progress.name ?? '',
      current: progress.current,
      total: progress.total,
      timestamp: timestamp(progress.completedAtMs ?? Date.now()),
      started: timestamp(progress.startedAtMs),
      completed: timeOf(progress.completedAtMs),
    })),
    logs: of('vertex-output').map(({ vertex, atMs, stream, data }) => ({
      vertex,
      timestamp: timestamp(atMs),
      stream: stream === 'stdout' ? 1 : 2,
      msg: data,
    })),
    warnings: [
      ...of('warning').map(({ vertex, warning }) => warningOf(vertex, warning)),
      ...of('client-warning').map(({ warning: { digest, ...warning } }) => ({ vertex: digest, ...warning })),
    ],
  };
}

function timeOf(atMs: number | undefined): ReturnType<typeof timestamp> | undefined {
  return atMs === undefined ? undefined : timestamp(atMs);
}

function warningOf(
  vertex: string,
  { rule, message, url = '', file, startLine, endLine }: BuildWarning,
): NonNullable<StatusInput['warnings']>[number] {
  return {
    vertex,
    level: 1,
    short: Buffer.from(`${rule}: ${message} (line ${startLine})`),
    url,
    info: { filename: file, language: 'Dockerfile' },
    ranges: [{ start: { line: startLine }, end: { line: endLine } }],
  };
}
