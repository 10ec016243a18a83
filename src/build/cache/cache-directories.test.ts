/** Builds that take cache directories while others release them, and while a prune removes the unused ones. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SqliteMetadata } from '#store/sqlite-metadata.ts';
import { cacheDirectoryMigrations } from './cache-directory-table.ts';
import { CacheDirectories, type CacheUse } from './cache-directories.ts';
import type { CacheMount } from '../definition/exec-mount.ts';
import { FileWorkers } from '../files/file-workers.ts';

/** More turns of microtasks than any of this takes. */
const TURNS = 40;

class Opened implements AsyncDisposable {
  readonly #undo = new AsyncDisposableStack();
  readonly directory: string;
  readonly caches: CacheDirectories;

  constructor() {
    const directory = mkdtempSync('/tmp/caisson-caches-');
    this.#undo.defer(() => rmSync(directory, { recursive: true }));
    this.directory = join(directory, 'caches');
    const metadata = this.#undo.use(
      new SqliteMetadata(join(directory, 'metadata'), [cacheDirectoryMigrations]),
    );
    const files = this.#undo.use(new FileWorkers());
    const archive = { put: nothing };
    this.caches = this.#undo.use(
      new CacheDirectories({ directory: this.directory, metadata, files, archive }),
    );
  }

  acquire(sharing: CacheMount['sharing'], signal = new AbortController().signal): Promise<CacheUse> {
    const mount = { kind: 'cache', target: '/c', id: 'id', sharing, readOnly: false } as const;
    return this.caches.acquire(mount, { checksumOf: nothing, open: nothing }, signal);
  }

  prune(): Promise<readonly unknown[]> {
    return this.caches.remove(this.caches.list());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync();
  }
}

/** Caches without initial content take none. */
function nothing(): never {
  throw new Error('nothing to take');
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

for (const before of ['there', 'to be made'] as const)
  test(`a prune at any moment leaves the cache that a build takes, which was ${before}`, async () => {
    await using opened = new Opened();
    for (let count = 0; count < TURNS; count++) {
      if (before === 'there') (await opened.acquire('shared'))[Symbol.dispose]();
      else await opened.prune();
      const acquiring = opened.acquire('shared');
      await turns(count);
      await opened.prune();
      using use = await acquiring;
      assert.ok(existsSync(use.path), `a prune after ${count} turns has removed it`);
      assert.deepEqual(
        opened.caches.list().map(({ isInUse }) => isInUse),
        [true],
      );
    }
    await opened.prune();
    assert.deepEqual(readdirSync(opened.directory), []);
  });

test('a build that waits for a cache gets it, at whatever moment it is released', async () => {
  await using opened = new Opened();
  for (let count = 0; count < TURNS; count++) {
    const use = await opened.acquire('locked');
    const given = new AbortController();
    const waiting = opened.acquire('locked', given.signal);
    await turns(count);
    use[Symbol.dispose]();
    await turns(TURNS);
    given.abort(new Error(`its release after ${count} turns was missed`));
    (await waiting)[Symbol.dispose]();
  }
});

test('two that want one of their own at once do not wait', async () => {
  await using opened = new Opened();
  (await opened.acquire('private'))[Symbol.dispose]();
  const given = new AbortController();
  const both = Promise.all([
    opened.acquire('private', given.signal),
    opened.acquire('private', given.signal),
  ]);
  await turns(TURNS);
  given.abort(new Error('one waits for the other'));
  const uses = await both;
  assert.equal(new Set(uses.map(({ path }) => path)).size, 2);
  for (const use of uses) use[Symbol.dispose]();
});
