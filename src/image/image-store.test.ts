import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import {
  sha256,
  hex,
  configFor,
  dockerArchive,
  LAYERS,
  temporaryRoot,
  open,
  load,
  coded,
  ALL,
} from './image-store.fixture.ts';

const root = temporaryRoot();

describe('tag, list, history and lookup', () => {
  it('finds images by name, id and prefix', async () => {
    await using engine = await open(root.path);
    await load(engine, dockerArchive({ layers: LAYERS, tags: ['a:1'] }));
    const { id } = engine.images.resolve('a:1');
    for (const text of [id, id.slice(7), id.slice(7, 19), id.slice(0, 19), 'docker.io/library/a:1'])
      assert.equal(engine.images.resolve(text).id, id, text);
    assert.throws(() => engine.images.resolve('zz'), { reason: 'no-such-image', subject: 'zz:latest' });
    assert.throws(() => engine.images.resolve(`sha256:${'0'.repeat(64)}`), {
      reason: 'no-such-image',
      subject: `sha256:${'0'.repeat(64)}`,
    });
    assert.throws(() => engine.images.resolve('A b'), coded('invalid', /invalid reference format/));
  });

  it('keeps all images where the one that asked for a budget is gone', async () => {
    await using engine = await open(root.path);
    await load(engine, dockerArchive({ layers: LAYERS, tags: ['a:1'] }));
    const budget = { maximumBytes: 1, minimumAgeMs: 0, keep: [] };
    const signal = AbortSignal.abort(new Error('gone'));
    await assert.rejects(engine.images.keepBudget(budget, { isDryRun: false, signal }), { message: 'gone' });
    assert.deepEqual((await engine.images.inspect('a:1')).tags, ['a:1']);
  });

  it('tags', async () => {
    await using engine = await open(root.path);
    await load(engine, dockerArchive({ layers: LAYERS, tags: ['a:1'] }));
    await engine.images.tag('a:1', 'localhost:5000/b');
    assert.deepEqual((await engine.images.inspect('a:1')).tags, ['a:1', 'localhost:5000/b:latest']);
    assert.deepEqual(engine.events.at(-1)?.attributes['name'], 'localhost:5000/b:latest');
    await assert.rejects(engine.images.tag('gone', 'x'), { reason: 'no-such-image', subject: 'gone:latest' });
    await assert.rejects(engine.images.tag('a:1', `x@sha256:${'0'.repeat(64)}`), {
      code: 'invalid',
      reason: 'tag-by-digest',
    });
    await assert.rejects(engine.images.tag('a:1', 'X'), coded('invalid', /must be lowercase/));
  });

  it('lists with filters, newest first', async () => {
    await using engine = await open(root.path);
    const older = {
      layers: LAYERS.slice(0, 1),
      tags: ['old/one:1'],
      config: configFor(LAYERS.slice(0, 1), { created: '2020-01-01T00:00:00Z', config: {} }),
    };
    await load(
      engine,
      dockerArchive(older, { layers: LAYERS, tags: ['new:1', 'new:2'] }, { layers: LAYERS.slice(1) }),
    );
    const list = async (filters: Record<string, string[]>) =>
      (
        await engine.images.list({ all: false, filters: new Map(Object.entries(filters)), sharedSize: true })
      ).map(({ tags }) => tags.join());
    assert.deepEqual(await list({}), ['new:1,new:2', '', 'old/one:1']);
    assert.deepEqual(await list({ dangling: ['true'] }), ['']);
    assert.deepEqual(await list({ dangling: ['false'] }), ['new:1,new:2', 'old/one:1']);
    assert.deepEqual(await list({ reference: ['new:*'] }), ['new:1,new:2']);
    assert.deepEqual(await list({ reference: ['*:2'] }), ['new:2']);
    assert.deepEqual(await list({ reference: ['old/*'] }), ['old/one:1']);
    assert.deepEqual(await list({ label: ['tier=test'] }), ['new:1,new:2', '']);
    assert.deepEqual(await list({ 'label!': ['tier'] }), ['old/one:1']);
    assert.deepEqual(await list({ before: ['new:1'] }), ['old/one:1']);
    assert.deepEqual(await list({ since: ['old/one:1'] }), ['new:1,new:2', '']);
    assert.deepEqual(await list({ until: ['2021-01-01T00:00:00Z'] }), ['old/one:1']);
    await assert.rejects(list({ dangling: ['maybe'] }), coded('invalid', /dangling/));
    await assert.rejects(list({ before: ['gone'] }), { reason: 'no-such-image', subject: 'gone:latest' });
    const [first] = await engine.images.list({ ...ALL, sharedSize: true });
    assert.deepEqual([first?.sizeBytes, first?.sharedBytes], [400_008, 400_008]);
  });

  it('keeps names and images over a restart', async () => {
    {
      await using engine = await open(root.path);
      await load(engine, dockerArchive({ layers: LAYERS, tags: ['a:1'] }));
      await engine.images.tag('a:1', 'b:2');
    }
    await using engine = await open(root.path);
    assert.deepEqual((await engine.images.inspect('b:2')).tags, ['a:1', 'b:2']);
    const history = await engine.images.history('a:1');
    assert.deepEqual(
      history.map(({ createdBy, sizeBytes }) => [createdBy, sizeBytes]),
      [
        ['step 2', 100_003],
        ['step 1', 300_000],
        ['step 0', 5],
      ],
    );
  });

  it('makes again a layer that was lost', async () => {
    {
      await using engine = await open(root.path);
      await load(engine, dockerArchive({ layers: LAYERS, tags: ['a:1'] }));
    }
    rmSync(join(root.path, 'layers', hex(LAYERS[1]!)), { recursive: true });
    await using engine = await open(root.path);
    assert.deepEqual(await buffer(await engine.layers.read(sha256(LAYERS[1]!))), LAYERS[1]);
  });
});
