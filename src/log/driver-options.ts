import { parseGoBoolean } from '#base/booleans.ts';
import { type EngineError, messageOf } from '#base/errors.ts';
import { compilePattern } from '#base/pattern.ts';
import { logError } from './log-errors.ts';

type Options = Readonly<Record<string, string>>;

/** How much a driver keeps. */
export interface Retention {
  /** The size of one file; Infinity: there is no limit. */
  readonly maxSizeBytes: number;
  readonly maxFiles: number;
  readonly compress: boolean;
}

/** Options that the engine itself understands, whatever the driver. */
const COMMON = ['mode', 'max-buffer-size'];

/** @throws {EngineError} `unknown-log-option` for one that is not `known`, `unknown-log-mode` */
export function checkOptionNames(driver: string, options: Options, known: readonly string[]): void {
  for (const option of Object.keys(options)) {
    if (!known.includes(option) && !COMMON.includes(option))
      throw logError('unknown-log-option', { subject: driver, details: { option } });
  }
  const mode = options['mode'];
  if (mode !== undefined && !['', 'blocking', 'non-blocking'].includes(mode)) {
    throw logError('unknown-log-mode', { subject: driver, details: { mode } });
  }
  checkBuffer(options);
}

/**
 * What the engine reads of a container it has written when it reads on, and a container waits for no other: there is
 * nothing to buffer. The options are checked as Docker does.
 */
function checkBuffer({ mode, 'max-buffer-size': size }: Options): void {
  if (size === undefined) return;
  if (mode !== 'non-blocking') throw logError('log-buffer-without-mode');
  if (!SIZE.test(size)) throw logError('log-buffer-size-invalid', { details: { size } });
}

/** @throws {EngineError} `invalid` */
export function parseRetention(options: Options, defaults: Retention): Retention {
  const size = options['max-size'];
  const files = options['max-file'];
  const compress = options['compress'];
  const retention = {
    maxSizeBytes: size ? parseSize(size) : defaults.maxSizeBytes,
    maxFiles: files ? parseFiles(files) : defaults.maxFiles,
    compress: compress ? parseFlag(compress) : defaults.compress,
  };
  if (compress && retention.compress && (retention.maxFiles < 2 || retention.maxSizeBytes === Infinity)) {
    throw wrong('compress cannot be true when max-file is less than 2 or max-size is not set');
  }
  return retention;
}

/** Options that are regular expressions, for the drivers that know them. @throws {EngineError} `invalid` */
export function checkPatterns(options: Options): void {
  for (const name of ['labels-regex', 'env-regex']) {
    try {
      const expression = options[name];
      if (expression) compilePattern(expression);
    } catch (error) {
      throw wrong(messageOf(error));
    }
  }
}

function wrong(problem: string): EngineError {
  return logError('log-option-invalid', { details: { problem } });
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15 };

const SIZE = /^(\d+(?:\.\d+)?) ?([kKmMgGtTpP]?)i?[bB]?$/;

/** Decimal units, as Docker reads `max-size`: `10k` is 10,000 bytes. */
function parseSize(text: string): number {
  const [, number, unit = ''] = SIZE.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  if (number === undefined || factor === undefined) throw wrong(`invalid size: '${text}'`);
  const bytes = Math.trunc(Number(number) * factor);
  if (bytes <= 0) throw wrong('max-size must be a positive number');
  return bytes;
}

function parseFiles(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw wrong(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  const files = Number(text);
  if (files < 1) throw wrong('max-file cannot be less than 1');
  return files;
}

function parseFlag(text: string): boolean {
  const flag = parseGoBoolean(text);
  if (flag !== undefined) return flag;
  throw wrong(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}
