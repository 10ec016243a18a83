import { rm } from 'node:fs/promises';
import { checkOptionNames, parseRetention, type Retention } from './driver-options.ts';
import { openLocalSegment } from './local-segment-reader.ts';
import { listSegments, segmentPath } from './local-segments.ts';
import { LocalWriter } from './local-writer.ts';
import { LogFeed } from './log-feed.ts';
import type { ContainerLog, LogDriver, LogQuery, LogRecord, LogWriter } from './log.ts';
import { applyQuery } from './query-filter.ts';
import { readSegments } from './segments.ts';
import { logError } from './log-errors.ts';

/** The defaults of Docker's `local`. */
const DEFAULTS: Retention = { maxSizeBytes: 20 << 20, maxFiles: 5, compress: false };
const OPTIONS = ['max-size', 'max-file', 'compress'];

/**
 * The engine's default: bounded (`max-size` × `max-file` bytes of output), in a format that is cheap to write and to
 * read back. `compress` is accepted and does nothing.
 */
export const localDriver: LogDriver = {
  name: 'local',
  validate(options) {
    checkOptionNames('local', options, OPTIONS);
    parseRetention(options, DEFAULTS);
  },
  open({ directory, options }) {
    return new LocalLog(directory, parseRetention(options, DEFAULTS));
  },
};

class LocalLog implements ContainerLog {
  readonly driver = 'local';
  /** Inspect shows no path, as with Docker. */
  readonly path = '';
  readonly #directory: string;
  readonly #retention: Retention;
  readonly #feed = new LogFeed();

  constructor(directory: string, retention: Retention) {
    this.#directory = directory;
    this.#retention = retention;
  }

  openWriter(): LogWriter {
    return new LocalWriter(this.#directory, this.#retention, this.#feed);
  }

  read(query: LogQuery): AsyncIterable<LogRecord> {
    const log = {
      list: () => listSegments(this.#directory),
      open: async (number: number) => openLocalSegment(this.#directory, number),
    };
    return applyQuery(readSegments(log, query, this.#feed), query);
  }

  async remove(): Promise<void> {
    if (this.#feed.hasWriter) {
      throw logError('log-being-written', { subject: this.#directory });
    }
    const files = listSegments(this.#directory).map((number) => segmentPath(this.#directory, number));
    await Promise.all(files.map((file) => rm(file, { force: true })));
  }
}
