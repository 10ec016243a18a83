import type { LogFeed } from './log-feed.ts';
import type { LogQuery, LogRecord } from './log.ts';

/** A log that is a row of files; their numbers grow, and what is written goes to the last one. */
export interface SegmentedLog {
  /** Oldest first. */
  list(): readonly number[];
  /** Undefined for one that rotation has removed. */
  open(segment: number): Promise<SegmentReader | undefined>;
}

/** One open segment; stays readable when it is removed. */
export interface SegmentReader extends Disposable {
  /** The next records, each whole; none at the present end. */
  read(): Promise<readonly LogRecord[]>;
  /** The records before the present position, from the last to the first, each with where it begins. */
  backward(): Iterable<{ readonly position: number; readonly record: LogRecord }>;
  seek(position: number): void;
  seekEnd(): void;
  /** Moves to a place that has every record from `timeNs` on behind it, and as few others as is cheap. */
  seekTime(timeNs: bigint): void;
  firstTime(): bigint | undefined;
}

/** Reads a log's records in order, across segments; following, as long as a writer is open. */
export async function* readSegments(
  log: SegmentedLog,
  query: LogQuery,
  feed: LogFeed,
): AsyncGenerator<readonly LogRecord[]> {
  const start = await findStart(log, query);
  let { segment, skipLines } = start;
  using slot = new ReaderSlot(start.reader);
  /** Was there before the last look at the present one, which is therefore complete. */
  let next: number | undefined;
  for (;;) {
    const { version, hasWriter } = feed;
    const records = (await slot.reader?.read()) ?? [];
    if (query.signal?.aborted) return;
    if (records.length > 0) {
      yield skipLines > 0 ? withoutFirstLines(records, skipLines) : records;
      skipLines = 0;
      continue;
    }
    if (next !== undefined) {
      slot.reader = await log.open(next);
      segment = next;
      next = undefined;
      continue;
    }
    const last = segment;
    next = log.list().find((number) => number > last);
    if (next !== undefined) continue;
    if (!query.follow || !hasWriter || feed.isOver(query)) return;
    await feed.wait(version, query);
    if (query.signal?.aborted) return;
    if (!slot.reader) slot.reader = await log.open(segment);
  }
}

/** The segment being read, of which there is one at a time. */
class ReaderSlot implements Disposable {
  #reader: SegmentReader | undefined;

  constructor(reader: SegmentReader | undefined) {
    this.#reader = reader;
  }

  get reader(): SegmentReader | undefined {
    return this.#reader;
  }

  set reader(reader: SegmentReader | undefined) {
    this[Symbol.dispose]();
    this.#reader = reader;
  }

  [Symbol.dispose](): void {
    this.#reader?.[Symbol.dispose]();
    this.#reader = undefined;
  }
}

interface Start {
  readonly segment: number;
  readonly reader: SegmentReader | undefined;
  /** Lines to leave out of the first record. */
  readonly skipLines: number;
}

/** The place for `tail` or `since`, found without reading all that comes before it. */
async function findStart(log: SegmentedLog, query: LogQuery): Promise<Start> {
  if (query.tail !== undefined) return await findTail(log, query.tail);
  if (query.sinceNs !== undefined) return await findTime(log, query.sinceNs);
  return await startOf(log, log.list()[0] ?? 0);
}

async function startOf(log: SegmentedLog, segment: number): Promise<Start> {
  return { segment, reader: await log.open(segment), skipLines: 0 };
}

/** Times only grow: the last segment that begins before `timeNs` has the first record that counts, if any has. */
async function findTime(log: SegmentedLog, timeNs: bigint): Promise<Start> {
  const segments = log.list();
  for (const segment of segments.toReversed()) {
    const reader = await log.open(segment);
    if (!reader) continue;
    const first = reader.firstTime();
    if (first !== undefined && first < timeNs) {
      reader.seekTime(timeNs);
      return { segment, reader, skipLines: 0 };
    }
    reader[Symbol.dispose]();
  }
  return await startOf(log, segments[0] ?? 0);
}

/** A place between two lines. */
interface TailPlace {
  readonly segment: number;
  readonly position: number;
  readonly skipLines: number;
}

async function findTail(log: SegmentedLog, tail: number): Promise<Start> {
  const segments = log.list();
  const count = new TailCount(tail);
  for (const segment of segments.toReversed()) {
    using reader = await log.open(segment);
    if (!reader) continue;
    reader.seekEnd();
    if (tail === 0) return await startAtEnd(log, segment);
    for (const { position, record } of reader.backward()) {
      const place = count.before(segment, position, record);
      if (place) return await startAt(log, place);
    }
  }
  return count.found ? await startAt(log, count.found) : await startOf(log, segments[0] ?? 0);
}

async function startAt(log: SegmentedLog, place: TailPlace): Promise<Start> {
  const start = await startOf(log, place.segment);
  start.reader?.seek(place.position);
  return { ...start, skipLines: place.skipLines };
}

async function startAtEnd(log: SegmentedLog, segment: number): Promise<Start> {
  const start = await startOf(log, segment);
  start.reader?.seekEnd();
  return start;
}

const NEWLINE = 10;

/**
 * Counts lines from the end of a log. The first line that is wanted may have begun in partial records before the one
 * it ends in: they belong to it.
 */
class TailCount {
  #wanted: number;
  #last = true;
  found: TailPlace | undefined;

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  /** Takes the records from the last to the first; returns the place once it is certain. */
  before(segment: number, position: number, record: LogRecord): TailPlace | undefined {
    const lines = this.#linesOf(record);
    if (this.found) {
      if (!record.partial) return this.found;
      this.found = { segment, position, skipLines: lines };
      return lines > 0 ? this.found : undefined;
    }
    if (lines > this.#wanted) return { segment, position, skipLines: lines - this.#wanted };
    this.#wanted -= lines;
    if (this.#wanted === 0) this.found = { segment, position, skipLines: 0 };
    return undefined;
  }

  /** Ends of lines, and the line without an end that may be the log's last. */
  #linesOf({ data }: LogRecord): number {
    const unfinished = this.#last && data.at(-1) !== NEWLINE ? 1 : 0;
    this.#last = false;
    let lines = unfinished;
    for (const byte of data) if (byte === NEWLINE) lines++;
    return lines;
  }
}

function withoutFirstLines(records: readonly LogRecord[], lines: number): readonly LogRecord[] {
  const [first, ...others] = records;
  if (!first) return records;
  let start = 0;
  for (let left = lines; left > 0; left--) start = first.data.indexOf(NEWLINE, start) + 1;
  return [{ ...first, data: first.data.subarray(start) }, ...others];
}
