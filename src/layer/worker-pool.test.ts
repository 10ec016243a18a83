import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { ChunkSender } from './chunk-ring.ts';
import { file, tarOf } from './layer-store.fixture.ts';
import { LayerWorkerPool } from './worker-pool.ts';

function threads(): number {
  return readdirSync('/proc/self/task').length;
}

describe('worker pool', () => {
  it('runs jobs, and stops its threads with it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'caisson-pool-'));
    writeFileSync(join(directory, 'f'), '12345');
    mkdirSync(join(directory, 'd'));
    const before = threads();
    {
      await using pool = new LayerWorkerPool(2);
      const jobs = Array.from({ length: 6 }, () => pool.run('usage', { path: directory }));
      assert.deepEqual(await Promise.all(jobs), [5, 5, 5, 5, 5, 5]);
      await pool.run('delete', { path: directory });
      assert.throws(() => readdirSync(directory), { code: 'ENOENT' });
    }
    assert.ok(threads() <= before + 1, `${threads()} threads, ${before} before`);
  });

  it('passes errors on with their code', async () => {
    await using pool = new LayerWorkerPool(1);
    const changes = pool.run('changes', {
      upper: '/proc/none',
      lower: { stack: ['/proc/none'], viewDirectory: '/proc/none' },
    });
    await assert.rejects(changes, (error) => isEngineError(error, 'not-found'));
    assert.equal(await pool.run('usage', { path: '/proc/none' }), 0);
  });

  it('cuts jobs off when it is stopped, and takes no more', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'caisson-pool-'));
    const pool = new LayerWorkerPool(1);
    const sender = new ChunkSender();
    const input = { root: directory, path: '/', noOverwriteDirNonDir: false, ...sender.ring };
    const endless = pool.run('extract', input);
    // More than may wait for the job: it has taken some of it.
    await sender.send(tarOf(file('file', 'x'.repeat(2 << 20))).subarray(0, 2 << 20));
    const [cut] = await Promise.allSettled([endless, pool[Symbol.asyncDispose]()]);
    sender.close();
    assert.ok(cut.status === 'rejected' && isEngineError(cut.reason, 'aborted'));
    await assert.rejects(pool.run('usage', { path: '/' }), (error) => isEngineError(error, 'aborted'));
    rmSync(directory, { recursive: true });
  });
});
