import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { checkOptionNames, checkPatterns, parseRetention, type Retention } from './driver-options.ts';
import { JsonFileSet } from './json-file-set.ts';
import { JsonFileWriter } from './json-file-writer.ts';
import { openJsonSegment } from './json-segment-reader.ts';
import { LogFeed } from './log-feed.ts';
import type { ContainerLog, LogDriver, LogQuery, LogRecord, LogWriter } from './log.ts';
import { applyQuery } from './query-filter.ts';
import { readSegments } from './segments.ts';
import { logError } from './log-errors.ts';

/** Docker's defaults: there is no limit. */
const DEFAULTS: Retention = { maxSizeBytes: Infinity, maxFiles: 1, compress: false };
const OPTIONS = ['max-size', 'max-file', 'compress', 'labels', 'labels-regex', 'env', 'env-regex', 'tag'];

/** Docker's default: one JSON object a line, in files that its tools and others read. */
export const jsonFileDriver: LogDriver = {
  name: 'json-file',
  validate(options) {
    checkOptionNames('json-file', options, OPTIONS);
    parseRetention(options, DEFAULTS);
    checkPatterns(options);
  },
  open({ containerId, directory, options, attributes }) {
    return new JsonFileLog(
      new JsonFileSet(directory, containerId),
      parseRetention(options, DEFAULTS),
      attributes,
    );
  },
};

class JsonFileLog implements ContainerLog {
  readonly driver = 'json-file';
  readonly #files: JsonFileSet;
  readonly #retention: Retention;
  readonly #attributes: Readonly<Record<string, string>> | undefined;
  readonly #feed = new LogFeed();

  constructor(
    files: JsonFileSet,
    retention: Retention,
    attributes: Readonly<Record<string, string>> | undefined,
  ) {
    this.#files = files;
    this.#retention = retention;
    this.#attributes = attributes;
  }

  get path(): string {
    return this.#files.path;
  }

  openWriter(): LogWriter {
    return new JsonFileWriter(this.#files, this.#retention, this.#feed, this.#attributes);
  }

  read(query: LogQuery): AsyncIterable<LogRecord> {
    const merge = !query.perLine && query.sinceNs === undefined && query.untilNs === undefined;
    const log = {
      list: () => this.#files.list(),
      open: (number: number) => openJsonSegment(this.#files.pathOf(number), merge),
    };
    return applyQuery(readSegments(log, query, this.#feed), query);
  }

  async remove(): Promise<void> {
    if (this.#feed.hasWriter) {
      throw logError('log-being-written', { subject: this.path });
    }
    const directory = dirname(this.path);
    const own = (await readdir(directory)).filter((file) => file.startsWith(basename(this.path)));
    await Promise.all(own.map((file) => rm(join(directory, file), { force: true })));
  }
}
