import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type Digest } from '#oci/digest.ts';
import { NO_FILTERS } from '#base/filters.ts';
import {
  sha256,
  configFor,
  dockerArchive,
  LAYERS,
  type Engine,
  temporaryRoot,
  open,
  load,
  contentOf,
  ALL,
} from './image-store.fixture.ts';

const root = temporaryRoot();

async function loaded(...tags: readonly string[]): Promise<Engine & { readonly id: Digest }> {
  const engine = await open(root.path);
  await load(engine, dockerArchive({ layers: LAYERS, tags }));
  const id = sha256(configFor(LAYERS));
  engine.events.length = 0;
  return { ...engine, id, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
}

describe('remove and prune', () => {
  const gentle = { force: false, prune: true };
  const forced = { force: true, prune: true };

  it('untags while there are names, then deletes everything', async () => {
    await using engine = await loaded('a:1', 'b:2');
    assert.deepEqual(await engine.images.remove('a:1', gentle), [{ kind: 'untagged', name: 'a:1' }]);
    const deletions = await engine.images.remove('b:2', gentle);
    assert.equal(deletions.length, 5);
    assert.deepEqual(deletions.slice(0, 2), [
      { kind: 'untagged', name: 'b:2' },
      { kind: 'deleted', digest: engine.id },
    ]);
    assert.deepEqual(deletions.at(-1), { kind: 'deleted', digest: sha256(LAYERS[0]!) });
    assert.deepEqual(await contentOf(engine), []);
    assert.deepEqual(
      engine.events.map(({ action, attributes }) => [action, attributes['name']]),
      [
        ['untag', engine.id],
        ['untag', engine.id],
        ['delete', engine.id],
      ],
    );
    await assert.rejects(engine.images.remove('a:1', gentle), {
      code: 'not-found',
      reason: 'no-such-image',
      subject: 'a:1',
    });
  });

  it('keeps the layers that other images have', async () => {
    await using engine = await loaded('a:1');
    await load(engine, dockerArchive({ layers: LAYERS.slice(0, 1), tags: ['base:1'] }));
    assert.equal((await engine.images.remove('a:1', gentle)).length, 4);
    assert.deepEqual(
      engine.layers.list().map(({ diffId }) => diffId),
      [sha256(LAYERS[0]!)],
    );
  });

  it('by id: one repository without force, several with', async () => {
    await using engine = await loaded('a:1', 'b:2');
    const short = engine.id.slice(7, 19);
    await assert.rejects(engine.images.remove(short, gentle), {
      code: 'conflict',
      reason: 'image-has-names',
      subject: short,
    });
    assert.equal((await engine.images.remove(short, forced)).length, 6);
  });

  it('protects images that containers use', async () => {
    await using engine = await loaded('a:1');
    const short = engine.id.slice(7, 19);
    const container = { image: engine.id, id: 'c'.repeat(64), running: true };
    engine.containers.push(container);
    await assert.rejects(engine.images.remove('a:1', gentle), {
      code: 'conflict',
      reason: 'last-name-in-use',
      subject: 'a:1',
      details: { container: 'c'.repeat(12), image: short },
    });
    await assert.rejects(engine.images.remove(short, forced), {
      code: 'conflict',
      reason: 'image-of-running',
      subject: short,
      details: { container: 'c'.repeat(12) },
    });
    container.running = false;
    await assert.rejects(engine.images.remove(short, gentle), {
      code: 'conflict',
      reason: 'image-of-stopped',
      subject: short,
      details: { container: 'c'.repeat(12) },
    });
    container.running = true;
    assert.deepEqual(await engine.images.remove('a:1', forced), [{ kind: 'untagged', name: 'a:1' }]);
    container.running = false;
    assert.deepEqual((await engine.images.remove(short, forced))[0], { kind: 'deleted', digest: engine.id });
  });

  it('deletes untagged parents with the last child', async () => {
    await using engine = await loaded('base:1');
    const parent = engine.id;
    const configBytes = configFor(LAYERS, { author: 'child' });
    const layers = LAYERS.map((layer) => ({
      diffId: sha256(layer),
      blob: sha256(layer),
      compression: 'none' as const,
    }));
    const child = await engine.images.register({ configBytes, layers, references: [], parent });
    const short = parent.slice(7, 19);
    await assert.rejects(engine.images.remove(parent, forced), {
      code: 'conflict',
      reason: 'image-has-children',
      subject: short,
    });
    assert.deepEqual(await engine.images.remove('base:1', gentle), [{ kind: 'untagged', name: 'base:1' }]);
    assert.equal((await engine.images.list(ALL)).length, 1);
    const deletions = await engine.images.remove(child, gentle);
    assert.deepEqual(deletions.slice(0, 2), [
      { kind: 'deleted', digest: child },
      { kind: 'deleted', digest: parent },
    ]);
    assert.deepEqual(await contentOf(engine), []);
  });

  it('prunes dangling images, or all that are not used', async () => {
    await using engine = await loaded('used:1', 'extra:1');
    await load(
      engine,
      dockerArchive({ layers: LAYERS.slice(0, 1) }, { layers: LAYERS.slice(1), tags: ['idle:1'] }),
    );
    engine.containers.push({ image: engine.id, id: 'c'.repeat(64), running: false });
    const { removals } = await engine.images.prune(NO_FILTERS);
    assert.deepEqual(removals, [{ kind: 'deleted', digest: sha256(configFor(LAYERS.slice(0, 1))) }]);
    const all = await engine.images.prune(new Map([['dangling', ['false']]]));
    assert.deepEqual(all.removals, [
      { kind: 'untagged', name: 'extra:1' },
      { kind: 'untagged', name: 'idle:1' },
      { kind: 'deleted', digest: sha256(configFor(LAYERS.slice(1))) },
    ]);
    assert.equal(all.reclaimedBytes, 0);
    const prune = { type: 'image', action: 'prune', id: '', attributes: { reclaimed: '0' } };
    assert.deepEqual(engine.events.at(-1), prune);
    engine.containers.length = 0;
    assert.equal((await engine.images.prune(new Map([['dangling', ['false']]]))).reclaimedBytes, 400_008);
    assert.equal(gunzipSync(gzipSync('')).length, 0);
  });
});
