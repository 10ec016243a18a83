import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { hasReason, isEngineError } from '#base/errors.ts';
import { until } from '#base/testing.ts';
import type { FixtureTasks } from './file-service-worker.fixture.ts';
import { type FileGuard, fileTasks, HUNG_LIMIT, LANE_HUNG_LIMIT, LANE_PLACES } from './file-service.ts';
import { mountHung } from './hung-mount.fixture.ts';
import { ThreadedFileService } from './threaded-file-service.ts';

const TASKS = fileTasks<FixtureTasks>(new URL('file-service-worker.fixture.ts', import.meta.url));
const DEADLINE_MS = 200;

function guardOf(key: string): FileGuard {
  const lane = { key, place: `the file system of ${key}`, advice: `unmount ${key}` };
  return { lane, action: 'look at it', deadlineMs: DEADLINE_MS };
}

function hungDirectory(t: TestContext): { readonly path: string; readonly answer: () => void } {
  const path = mkdtempSync('/tmp/caisson-hung-');
  const mount = mountHung(path);
  let isHung = true;
  const answer = () => {
    if (isHung) mount[Symbol.dispose]();
    isHung = false;
  };
  t.after(() => {
    answer();
    rmdirSync(path);
  });
  return { path, answer };
}

function isHung(error: unknown): boolean {
  return (
    hasReason(error, 'files-hang') &&
    isEngineError(error, 'unavailable') &&
    /^Cannot look at it: the file system of hung has not answered for \d+ s; unmount hung$/.test(
      error.message,
    )
  );
}

async function succeeds(attempt: Promise<unknown>): Promise<boolean> {
  return await attempt.then(
    () => true,
    () => false,
  );
}

function threads(): number {
  return readdirSync('/proc/self/task').length;
}

describe('file service', () => {
  it('does tasks side by side, and passes errors on with all that they say', async () => {
    await using files = new ThreadedFileService();
    const stat = () => files.run(TASKS, 'stat', { input: '/etc/passwd', guard: guardOf('disk') });
    const sizes = await Promise.all(Array.from({ length: 12 }, stat));
    assert.ok(sizes.every((size) => size > 0));
    await assert.rejects(files.run(TASKS, 'stat', { input: '/none' }), { code: 'not-found' });
    await assert.rejects(files.run(TASKS, 'fail', { input: 'it' }), {
      code: 'conflict',
      message: 'refused',
      reason: 'for-a-test',
      subject: 'it',
    });
  });

  it('gives up what hangs, tells whose files they are, and goes on with all other lanes', async (t) => {
    await using files = new ThreadedFileService();
    const { path, answer } = hungDirectory(t);
    const before = threads();
    const hangs = () => files.run(TASKS, 'stat', { input: path, guard: guardOf('hung') });
    // More than a lane has places: those that wait for one are told as well.
    const all = Array.from({ length: 12 }, () => assert.rejects(hangs(), isHung));
    const others = Array.from({ length: 12 }, (_, index) =>
      files.run(TASKS, 'stat', { input: '/etc/passwd', guard: guardOf(`other ${index}`) }),
    );
    await Promise.all([...others, ...all]);
    await assert.rejects(hangs(), isHung);
    assert.ok(threads() - before <= 4 + 12 + 8, `${threads()} threads, ${before} before`);
    // What hung has answered: the lane is open again.
    answer();
    const again = () => files.run(TASKS, 'stat', { input: '/etc/passwd', guard: guardOf('hung') });
    await until(() => succeeds(again()), 'the lane is open again');
  });

  it('lets a lane try again while fewer threads of it hang than make it dead', async (t) => {
    await using files = new ThreadedFileService();
    const { path } = hungDirectory(t);
    for (let hung = 0; hung < LANE_HUNG_LIMIT; hung++) {
      assert.ok((await files.run(TASKS, 'stat', { input: '/etc/passwd', guard: guardOf('lane') })) > 0);
      await assert.rejects(files.run(TASKS, 'stat', { input: path, guard: guardOf('lane') }));
    }
    const refused = files.run(TASKS, 'stat', { input: '/etc/passwd', guard: guardOf('lane') });
    await assert.rejects(refused, (error) => hasReason(error, 'files-hang'));
  });

  it('begins nothing more on files of others once too many threads hang', async (t) => {
    await using files = new ThreadedFileService();
    const { path } = hungDirectory(t);
    const hang = (lane: number) => files.run(TASKS, 'stat', { input: path, guard: guardOf(`lane ${lane}`) });
    for (let lane = 0; lane < HUNG_LIMIT / LANE_PLACES; lane++) {
      const all = Array.from({ length: LANE_PLACES }, () => assert.rejects(hang(lane)));
      await Promise.all(all);
    }
    const other = files.run(TASKS, 'stat', { input: '/etc/passwd', guard: guardOf('other') });
    await assert.rejects(other, (error) => hasReason(error, 'too-many-files-hang'));
    assert.ok((await files.run(TASKS, 'stat', { input: '/etc/passwd' })) > 0, 'its own files go on');
  });

  it('waits for what makes progress, and for what waits for its caller, as long as it takes', async () => {
    await using files = new ThreadedFileService();
    const request = { input: 40, guard: guardOf('slow') };
    const answers = [files.run(TASKS, 'beat', request), files.run(TASKS, 'wait', request)];
    assert.deepEqual(await Promise.all(answers), ['done', 'done']);
  });

  it('ends waiting for a place in a lane with the signal', async () => {
    await using files = new ThreadedFileService();
    const busy = Array.from({ length: 4 }, () =>
      files.run(TASKS, 'beat', { input: 20, guard: guardOf('busy') }),
    );
    const abort = new AbortController();
    const waiting = files.run(TASKS, 'beat', { input: 1, guard: guardOf('busy'), signal: abort.signal });
    const rejected = assert.rejects(waiting, /not needed/);
    await setImmediate();
    abort.abort(new Error('not needed'));
    await rejected;
    await Promise.all(busy);
  });

  it('is closed while something hangs', async (t) => {
    const files = new ThreadedFileService();
    const { path } = hungDirectory(t);
    const cut = assert.rejects(files.run(TASKS, 'stat', { input: path, guard: guardOf('hung') }));
    // Until a thread is in the file system, which nothing tells.
    await sleep(50);
    await files[Symbol.asyncDispose]();
    await cut;
    await assert.rejects(files.run(TASKS, 'stat', { input: '/etc/passwd' }), { code: 'aborted' });
  });
});
