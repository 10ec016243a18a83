/** What a builder must not leave: neither on the host nor among its files. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestDaemon } from '../support/daemon.ts';
import { request } from '../support/http.ts';
import { until } from '#base/testing.ts';

const KEPT = ['caches', 'contexts', 'downloads'];
/** What images of no layers are looked at as. */
const EMPTY = '.empty';

/** @param poolSize of namespaces that the daemon keeps ready */
export async function expectNothingLeft(engine: TestDaemon, poolSize: number): Promise<void> {
  const owners = { running: [], known: [], publishedPorts: 0, poolSize };
  assert.deepEqual(await engine.leftovers(owners), []);
  const builds = join(engine.root, 'builds');
  const others = () => readdirSync(builds).filter((name) => name !== EMPTY && !KEPT.includes(name));
  // What a build leaves that was given up goes when all that it had begun has ended.
  await until(
    () => others().length === 0,
    () => `gone are ${others().join(' ')}`,
  );
  const unfinished = () =>
    KEPT.flatMap((name) => namesIn(join(builds, name))).filter((name) => /^\.|\.new$/.test(name));
  await until(
    () => unfinished().length === 0,
    () => `finished are ${unfinished().join(' ')}`,
  );
}

export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

const FOLDERS = [
  'content/blobs/sha256',
  'content/ingest',
  'layers',
  'snapshots',
  ...KEPT.map((name) => `builds/${name}`),
];

/** Every blob, layer, snapshot, context and download; hidden are the engine's own and what is being deleted. */
export function storeCensus({ root }: TestDaemon): readonly string[] {
  return FOLDERS.flatMap((folder) => namesIn(join(root, folder)).map((name) => `${folder}/${name}`))
    .filter((path) => !path.includes('/.'))
    .toSorted();
}

/**
 * Everything that builds keep, and their images, go; then the store has nothing that was not there `before` any build.
 */
export async function expectCensusWithoutBuilds(
  engine: TestDaemon,
  images: readonly string[],
  before: readonly string[],
): Promise<void> {
  for (const image of images) await request(engine.socket, 'DELETE', `/images/${image}?force=1`);
  await request(engine.socket, 'POST', '/images/prune');
  const pruned = await request(engine.socket, 'POST', '/build/prune?all=1');
  assert.equal(pruned.status, 200, pruned.body);
  const added = () => storeCensus(engine).filter((path) => !before.includes(path));
  // It deletes after it has answered.
  await until(
    () => added().length === 0,
    () => `gone are ${added().join(' ')}`,
  );
}
