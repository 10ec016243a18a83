import type { RuntimeRlimit } from '#oci/runtime-spec.ts';
import { ULIMIT_NAMES } from '#oci/ulimits.ts';
import { containerError } from '../container-errors.ts';
import type { ResourceLimit } from '../container-spec.ts';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface EnvironmentInput {
  readonly hostname: string;
  readonly tty: boolean;
  readonly home: string;
  /** `NAME=value`; a later one wins. */
  readonly own: readonly string[];
}

/** The environment of a process: Docker's defaults, then the container's own. A name without `=` unsets. */
export function processEnvironment(input: EnvironmentInput): readonly string[] {
  const environment = new Map([
    ['PATH', DEFAULT_PATH],
    ['HOSTNAME', input.hostname],
    ...(input.tty ? ([['TERM', 'xterm']] as const) : []),
  ]);
  for (const entry of input.own) {
    const equals = entry.indexOf('=');
    if (equals < 0) environment.delete(entry);
    else environment.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  // Empty is as absent, as in Docker: shells take their user's home by it.
  if (!environment.get('HOME')) environment.set('HOME', input.home);
  return Array.from(environment, ([name, value]) => `${name}=${value}`);
}

/** RLIM_INFINITY: what -1 means. */
const UNLIMITED = 0xffffffffffffffffn;

/** @throws {EngineError} `invalid` for a limit that does not exist or a soft limit above the hard one */
export function processRlimits(ulimits: readonly ResourceLimit[]): readonly RuntimeRlimit[] {
  return ulimits.map(({ name, soft, hard }) => {
    if (!ULIMIT_NAMES.has(name.toLowerCase())) throw containerError('ulimit-unknown', { subject: name });
    if (hard !== -1 && (soft === -1 || soft > hard)) {
      throw containerError('ulimit-above-hard', { subject: name, details: { soft, hard } });
    }
    return { type: `RLIMIT_${name.toUpperCase()}`, hard: limitOf(hard), soft: limitOf(soft) };
  });
}

function limitOf(value: number): number | bigint {
  return value === -1 ? UNLIMITED : value;
}
