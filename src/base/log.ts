/** How the engine tells its operator what it does: one line per fact, with fields. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One line per fact in either: `key=value`, or an object of JSON. */
export type LogFormat = 'text' | 'json';

type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** A logger that hands every line at `level` or above to `write` (default: standard error). */
export function createLogger(
  level: LogLevel = 'info',
  write: (line: string) => void = (line) => process.stderr.write(line),
  format: LogFormat = 'text',
): Logger {
  const formatted = format === 'json' ? formatJson : formatLine;
  const at = (own: LogLevel) => (message: string, fields?: LogFields) => {
    if (ORDER.indexOf(own) < ORDER.indexOf(level)) return;
    write(formatted(own, message, fields));
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A logger that says nothing: the default of the library and of tests. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

function formatLine(level: LogLevel, message: string, fields: LogFields = {}): string {
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${formatValue(value)}`);
  return `time="${new Date().toISOString()}" level=${level} msg=${JSON.stringify(message)}${rest.join('')}\n`;
}

function formatJson(level: LogLevel, message: string, fields: LogFields = {}): string {
  const values = Object.entries(fields).map(([key, value]) => [
    key,
    value instanceof Error ? value.message : value,
  ]);
  const record = { ...Object.fromEntries(values), level, msg: message, time: new Date().toISOString() };
  return `${JSON.stringify(record)}\n`;
}

function formatValue(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value);
}
