/** A thread for the tests of the file service. */
import { statSync } from 'node:fs';
import { EngineError } from '#base/errors.ts';
import { beat, serveFileTasks, whileWaiting } from './file-thread.ts';

export interface FixtureTasks {
  readonly stat: { readonly input: string; readonly output: number };
  /** Shows progress `count` times, 20 ms apart. */
  readonly beat: { readonly input: number; readonly output: string };
  /** Waits 20 ms at a time, `count` times, for its caller. */
  readonly wait: { readonly input: number; readonly output: string };
  readonly fail: { readonly input: string; readonly output: never };
}

const sleeping = new Int32Array(new SharedArrayBuffer(4));

function sleep(ms: number): void {
  Atomics.wait(sleeping, 0, 0, ms);
}

serveFileTasks<FixtureTasks>({
  stat: (path) => statSync(path).size,
  beat: (count) => {
    for (let index = 0; index < count; index++) {
      sleep(20);
      beat();
    }
    return 'done';
  },
  wait: (count) => {
    whileWaiting(() => sleep(count * 20));
    return 'done';
  },
  fail: (subject) => {
    throw new EngineError('conflict', 'refused', { reason: 'for-a-test', subject });
  },
});
