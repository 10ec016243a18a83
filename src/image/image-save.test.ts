import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { configFor, dockerArchive, LAYERS, temporaryRoot, open, load } from './image-store.fixture.ts';

const root = temporaryRoot();

describe('save', () => {
  it('writes what load, skopeo and a second engine read, byte for byte the same each time', async () => {
    await using engine = await open(root.path);
    await load(
      engine,
      dockerArchive({ layers: LAYERS, tags: ['s:1', 's:2', 'other/x:y'], compress: gzipSync }),
    );
    const archive = await buffer(await engine.images.save(['s', 'other/x:y']));
    assert.deepEqual(await buffer(await engine.images.save(['s', 'other/x:y'])), archive);
    const file = join(root.path, 'saved.tar');
    writeFileSync(file, archive);
    const { id } = engine.images.resolve('s:1');
    for (const source of [`docker-archive:${file}:s:2`, `oci-archive:${file}:1`]) {
      const inspected: unknown = JSON.parse(
        execFileSync('skopeo', ['inspect', '--config', source], { encoding: 'utf8' }),
      );
      assert.deepEqual(inspected, JSON.parse(configFor(LAYERS).toString()), source);
    }
    const elsewhere = join(root.path, 'elsewhere');
    await using other = await open(elsewhere);
    assert.equal(await load(other, archive), 'loaded s:1\nloaded s:2\nloaded other/x:y\n');
    assert.equal(other.images.resolve('s:2').id, id);
  });

  it('takes ids, and refuses names that are not there', async () => {
    await using engine = await open(root.path);
    await load(engine, dockerArchive({ layers: LAYERS, tags: ['s:1'] }));
    const { id } = engine.images.resolve('s:1');
    const archive = await buffer(await engine.images.save([id.slice(7, 19)]));
    await engine.images.remove('s:1', { force: false, prune: true });
    assert.equal(await load(engine, archive), `loaded ${id}\n`);
    await assert.rejects(engine.images.save(['s:1']), { reason: 'no-such-image', subject: 's:1' });
  });

  it('breaks off where a blob has changed on disk', async () => {
    await using engine = await open(root.path);
    await load(engine, dockerArchive({ layers: LAYERS, tags: ['s:1'], compress: gzipSync }));
    const [layer] = engine.images.record('s:1').layers;
    const path = engine.content.path(layer!.blob);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
    await assert.rejects(buffer(await engine.images.save(['s:1'])), {
      reason: 'stored-blob-damaged',
      subject: layer!.blob,
    });
  });

  it('is read in full though the image is removed meanwhile', async () => {
    await using engine = await open(root.path);
    await load(engine, dockerArchive({ layers: LAYERS, tags: ['s:1'] }));
    const whole = await buffer(await engine.images.save(['s:1']));
    const stream = await engine.images.save(['s:1']);
    await engine.images.remove('s:1', { force: false, prune: true });
    assert.deepEqual(await buffer(stream), whole);
  });
});
