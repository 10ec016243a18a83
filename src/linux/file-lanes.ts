import type { FileGuard } from './file-service.ts';
import { HUNG_LIMIT, LANE_HUNG_LIMIT, LANE_PLACES } from './file-service.ts';
import { fileServiceError } from './file-service-errors.ts';

/** One place in a lane; disposed when its task has answered. */
export interface LanePlace extends Disposable {
  /** The task is given up: its place stays taken until `answered`. Returns the error to throw. */
  giveUp(answered: Promise<unknown>): Error;
}

interface Lane {
  taken: number;
  /** When each hung task was given up, in milliseconds of `performance.now`. */
  readonly hungSinceMs: number[];
  readonly waiting: PromiseWithResolvers<void>[];
}

/** The places in lanes; see `file-service.ts`. A lane without tasks takes no memory. */
export class FileLanes {
  readonly #lanes = new Map<string, Lane>();
  #hung = 0;

  /** Threads that hang at this moment. */
  get hung(): number {
    return this.#hung;
  }

  /** Waits for a place. @throws {EngineError} `files-hang`, `too-many-files-hang` */
  async enter(guard: FileGuard, signal?: AbortSignal): Promise<LanePlace> {
    const { key } = guard.lane;
    for (;;) {
      signal?.throwIfAborted();
      const lane = this.#lanes.get(key) ?? { taken: 0, hungSinceMs: [], waiting: [] };
      this.#refuse(guard, lane);
      if (lane.taken < LANE_PLACES) {
        this.#lanes.set(key, lane);
        lane.taken++;
        return this.#place(guard, lane);
      }
      await turn(lane, signal);
    }
  }

  #refuse(guard: FileGuard, lane: Lane): void {
    const [since] = lane.hungSinceMs;
    if (since !== undefined && lane.hungSinceMs.length >= LANE_HUNG_LIMIT) throw hangs(guard, since);
    if (this.#hung < HUNG_LIMIT) return;
    throw fileServiceError('too-many-files-hang', {
      subject: guard.action,
      details: { threads: this.#hung },
    });
  }

  #place(guard: FileGuard, lane: Lane): LanePlace {
    const startedMs = performance.now();
    let isGivenUp = false;
    const leave = () => {
      lane.taken--;
      this.#wake(guard.lane.key, lane);
    };
    return {
      giveUp: (answered) => {
        isGivenUp = true;
        this.#hung++;
        lane.hungSinceMs.push(startedMs);
        const back = () => {
          this.#hung--;
          lane.hungSinceMs.splice(lane.hungSinceMs.indexOf(startedMs), 1);
          leave();
        };
        answered.then(back, back);
        // Callers that wait learn at once that the lane does not answer.
        this.#wake(guard.lane.key, lane);
        return hangs(guard, startedMs);
      },
      [Symbol.dispose]: () => {
        if (!isGivenUp) leave();
      },
    };
  }

  #wake(key: string, lane: Lane): void {
    for (const waiting of lane.waiting.splice(0)) waiting.resolve();
    if (lane.taken === 0) this.#lanes.delete(key);
  }
}

async function turn(lane: Lane, signal: AbortSignal | undefined): Promise<void> {
  const waiting = Promise.withResolvers<void>();
  lane.waiting.push(waiting);
  const abort = () => waiting.resolve();
  signal?.addEventListener('abort', abort);
  try {
    await waiting.promise;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function hangs({ lane, action }: FileGuard, sinceMs: number): Error {
  const seconds = Math.round((performance.now() - sinceMs) / 1000);
  return fileServiceError('files-hang', {
    subject: action,
    details: { place: lane.place, seconds, advice: lane.advice },
  });
}
