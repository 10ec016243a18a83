/**
 * Gives targets input that is nearly right, from a seed, until the time is over. An attempt fails if it throws, takes
 * too long, or leaves an error that nothing caught. Each failure says how it is repeated.
 */
import { isEngineError } from '#base/errors.ts';
import { Random } from './random.ts';

export interface FuzzTarget {
  readonly name: string;
  /** Throws for what must not be; a refusal of the input is none of that. */
  readonly attempt: (random: Random) => Promise<void> | void;
  /** Looks at what attempts may have left; called now and then, and at the end. */
  readonly inspect?: () => Promise<void>;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** How long a target is tried before the next has its turn. */
  readonly turnMs?: number;
  readonly targets: readonly FuzzTarget[];
  /** Only this attempt of each target. */
  readonly attempt?: number | undefined;
  readonly report?: (line: string) => void;
}

export interface Finding {
  readonly target: string;
  readonly attempt: number;
  readonly error: unknown;
}

const DEFAULT_TURN_MS = 1500;
const ATTEMPT_MS = 30_000;
const MAXIMUM_FINDINGS = 20;

export interface FuzzReport {
  readonly attempts: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  using uncaught = catchUncaught();
  const findings: Finding[] = [];
  /** One report for each place that fails. */
  const places = new Set<string>();
  const attempts: Record<string, number> = {};
  const deadline = performance.now() + options.durationMs;
  const run = async (target: FuzzTarget, attempt: number, work: () => Promise<void> | void) => {
    try {
      await withinTime(work);
      uncaught.rethrow();
    } catch (error) {
      const place = placeOf(error);
      if (places.has(place)) return;
      places.add(place);
      findings.push({ target: target.name, attempt, error });
      options.report?.(describe(options.seed, { target: target.name, attempt, error }));
    }
  };
  const takeTurn = async (target: FuzzTarget) => {
    const turnEnd = performance.now() + (options.turnMs ?? DEFAULT_TURN_MS);
    do {
      const attempt = options.attempt ?? attempts[target.name] ?? 0;
      attempts[target.name] = attempt + 1;
      await run(target, attempt, () => target.attempt(new Random(options.seed, attempt)));
    } while (
      performance.now() < turnEnd &&
      options.attempt === undefined &&
      findings.length < MAXIMUM_FINDINGS
    );
    if (target.inspect) await run(target, attempts[target.name] ?? 0, target.inspect);
  };
  do for (const target of options.targets) await takeTurn(target);
  while (performance.now() < deadline && options.attempt === undefined && findings.length < MAXIMUM_FINDINGS);
  return { attempts, findings };
}

/** What is found, and how it is found again. */
export function describe(seed: number, { target, attempt, error }: Finding): string {
  const again = `npm run fuzz -- --seed ${seed} --target ${target} --attempt ${attempt}`;
  return `${target}: ${error instanceof Error ? error.stack : String(error)}\n  again: ${again}`;
}

/** Where it was thrown, and without that what it says. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at .*\/(?:src|test)\//.test(line));
  return frames.slice(0, 2).join() || error.message;
}

/** Runs what may refuse its input: an error of the engine that blames the input is what should come. */
export function mayRefuse(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!isEngineError(error) || error.code === 'internal') throw error;
  }
}

async function withinTime(work: () => Promise<void> | void): Promise<void> {
  const before = process.cpuUsage();
  const working = work();
  if (working) {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`it hangs: ${ATTEMPT_MS} ms`)), ATTEMPT_MS);
    try {
      await Promise.race([working, promise]);
    } finally {
      clearTimeout(timer);
    }
    return;
  }
  const busyMs = process.cpuUsage(before).user / 1000;
  if (busyMs > BUSY_MS) throw new Error(`it held the event loop for ${Math.round(busyMs)} ms`);
}

/**
 * What reads input of some kilobytes at once is not to hold up everybody else. It is the time of the processor: that
 * of the clock says how busy the machine is.
 */
const BUSY_MS = 2000;

function catchUncaught(): Disposable & { readonly rethrow: () => void } {
  const errors: unknown[] = [];
  const keep = (error: unknown) => void errors.push(error);
  process.on('uncaughtException', keep);
  process.on('unhandledRejection', keep);
  return {
    rethrow: () => {
      const [error] = errors.splice(0);
      if (error !== undefined) throw new Error('an error that nothing caught', { cause: error });
    },
    [Symbol.dispose]: () => {
      process.off('uncaughtException', keep);
      process.off('unhandledRejection', keep);
    },
  };
}
