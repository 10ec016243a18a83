/**
 * How threads share one gzip stream: which thread takes which block, which one may write, and what was written so far.
 */
import { combinedCrc32 } from './combined-crc32.ts';
import { layerError } from './layer-errors.ts';

const NEXT = 0;
const TURN = 1;
const CHECKSUM = 2;
const FAILED = 3;
/** A thread that dies does not wake the others, so they look again after this time. */
const WAIT_MS = 500;

/** Shared memory: goes to each thread as it is. */
export interface GzipState {
  readonly numbers: Int32Array;
  readonly offset: BigInt64Array;
}

/** @param startBytes where the first block goes */
export function newGzipState(startBytes: number): GzipState {
  const numbers = new Int32Array(new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT));
  const offset = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
  offset[0] = BigInt(startBytes);
  return { numbers, offset };
}

/** Threads that wait for others' blocks give up. */
export function failGzip({ numbers }: GzipState): void {
  Atomics.store(numbers, FAILED, 1);
  Atomics.notify(numbers, TURN);
}

/** Tells how many blocks are written, each time that there are more, until `ended`. */
export async function followGzip(
  { numbers }: GzipState,
  ended: AbortSignal,
  report: (blocks: number) => void,
): Promise<void> {
  for (let told = 0; !ended.aborted && Atomics.load(numbers, FAILED) === 0; ) {
    const changed = Atomics.waitAsync(numbers, TURN, told, WAIT_MS);
    if (changed.async) await changed.value;
    const blocks = Atomics.load(numbers, TURN);
    if (blocks > told && !ended.aborted) report(blocks);
    told = blocks;
  }
}

export class GzipTurns {
  readonly #state: GzipState;

  constructor(state: GzipState) {
    this.#state = state;
  }

  /** Bytes that the stream has. */
  get offset(): number {
    return Number(Atomics.load(this.#state.offset, 0));
  }

  /** The checksum of all blocks before the turn. */
  get checksum(): number {
    return Atomics.load(this.#state.numbers, CHECKSUM) >>> 0;
  }

  /** The number of a block that is now the caller's to make; they are given out in order. */
  claim(): number {
    return Atomics.add(this.#state.numbers, NEXT, 1);
  }

  isTurnOf(block: number): boolean {
    return Atomics.load(this.#state.numbers, TURN) === block;
  }

  /** Blocks until all blocks before this one are written. @throws {EngineError} `aborted` if they will not be */
  waitFor(block: number): void {
    const { numbers } = this.#state;
    for (;;) {
      if (Atomics.load(numbers, FAILED) !== 0)
        throw layerError('layer-work-given-up', {
          details: { action: 'compress layer', problem: 'another thread gave up' },
        });
      const turn = Atomics.load(numbers, TURN);
      if (turn === block) return;
      Atomics.wait(numbers, TURN, turn, WAIT_MS);
    }
  }

  /** The block whose turn it is was written: it is the next one's. */
  pass(writtenBytes: number, checksum: number, plainBytes: number): void {
    const { numbers, offset } = this.#state;
    Atomics.add(offset, 0, BigInt(writtenBytes));
    Atomics.store(numbers, CHECKSUM, combinedCrc32(this.checksum, checksum, plainBytes));
    Atomics.add(numbers, TURN, 1);
    Atomics.notify(numbers, TURN);
  }

  fail(): void {
    failGzip(this.#state);
  }
}
