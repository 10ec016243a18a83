import { constants } from 'node:os';
import { EngineError } from './errors.ts';

/** The real-time signals that glibc leaves to programs (signal(7)). */
const RTMIN = 34;
const RTMAX = 64;

/** `os.constants` lists aliases too; the first name of a number is the usual one. */
const NUMBERS: ReadonlyMap<string, number> = new Map(
  [...Object.entries(constants.signals), ['SIGCLD', constants.signals.SIGCHLD] as const].map(
    ([name, number]) => [name.slice('SIG'.length), number] as const,
  ),
);
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals)
    .toReversed()
    .map(([name, number]) => [number, name]),
);

/**
 * The number of a signal as users write it: `SIGTERM`, `term`, `15`, `RTMIN+3`, `SIGRTMAX-1`.
 *
 * @throws {EngineError} `invalid`, with Docker's text
 */
export function signalNumber(name: string | number): number {
  const number = parseSignal(String(name));
  if (number === undefined) throw new EngineError('invalid', `invalid signal: ${name}`);
  return number;
}

/** The same; undefined for what is no signal. */
export function parseSignal(name: string): number | undefined {
  const text = name.trim();
  const number = /^\d+$/.test(text) ? Number(text) : namedSignal(text.toUpperCase().replace(/^SIG/, ''));
  return number === undefined || number < 1 || number > RTMAX ? undefined : number;
}

function namedSignal(name: string): number | undefined {
  const known = NUMBERS.get(name);
  if (known !== undefined) return known;
  const [, base, sign, offset = '0'] = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name) ?? [];
  if (base === undefined) return undefined;
  const number = (base === 'MIN' ? RTMIN : RTMAX) + Number(`${sign ?? '+'}${offset}`);
  return number >= RTMIN && number <= RTMAX ? number : undefined;
}

/** The usual name of a signal (`SIGKILL`, `SIGRTMIN+3`); the bare number where it has none. */
export function signalName(number: number): string {
  const name = NAMES.get(number);
  if (name !== undefined) return name;
  if (number < RTMIN || number > RTMAX) return String(number);
  return number === RTMIN ? 'SIGRTMIN' : `SIGRTMIN+${number - RTMIN}`;
}
