import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { SharedWork } from './shared-work.ts';

function fail(): Promise<string> {
  return Promise.reject(new Error('failed'));
}

describe('shared work', () => {
  it('does equal work once at a time', async () => {
    const shared = new SharedWork<string, number>();
    let runs = 0;
    const work = async () => ++runs;
    const results = await Promise.all(['a', 'a', 'b'].map((key) => shared.do(key, work, undefined)));
    assert.deepEqual(results, [1, 1, 2]);
    assert.equal(await shared.do('a', work, undefined), 3);
  });

  it('cancels the work when the last one who waits has given up, and not before', async () => {
    const shared = new SharedWork<string, string>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<AbortSignal>();
    const work = (signal: AbortSignal) => {
      begin(signal);
      return new Promise<string>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('cancelled')));
      });
    };
    const [one, other] = [new AbortController(), new AbortController()];
    const first = shared.do('k', work, one.signal);
    const second = shared.do('k', work, other.signal);
    const signal = await begun;
    one.abort(new Error('no patience'));
    await assert.rejects(first, /no patience/);
    assert.equal(signal.aborted, false);
    other.abort(new Error('neither'));
    await assert.rejects(second, /neither/);
    assert.equal(signal.aborted, true);
    await shared.settled();
    assert.equal(await shared.do('k', async () => 'again', undefined), 'again');
  });

  for (const [outcome, end] of [
    ['late', (work: PromiseWithResolvers<string>) => work.resolve('late')],
    ['Error: neither', (work: PromiseWithResolvers<string>) => work.reject(new Error('cancelled'))],
  ] as const)
    it(`lets the last who gives up wait for the end: ${outcome}`, async () => {
      const shared = new SharedWork<string, string>();
      const work = Promise.withResolvers<string>();
      const [one, other] = [new AbortController(), new AbortController()];
      const first = shared.doToEnd('k', () => work.promise, one.signal);
      const second = shared.doToEnd('k', () => work.promise, other.signal);
      one.abort(new Error('no patience'));
      await assert.rejects(first, /no patience/);
      other.abort(new Error('neither'));
      await setImmediate();
      assert.equal(await shared.doToEnd('k', async () => 'anew'), 'anew');
      end(work);
      assert.equal(await second.catch(String), outcome);
    });

  it('gives everyone the same failure, and refuses those who have given up already', async () => {
    const shared = new SharedWork<string, string>();

    const both = [shared.do('k', fail, undefined), shared.do('k', fail, undefined)];
    for (const result of await Promise.allSettled(both)) assert.equal(result.status, 'rejected');
    await assert.rejects(
      shared.do('k', async () => 'x', AbortSignal.abort(new Error('gone'))),
      /gone/,
    );
  });
});
