import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '#oci/tar-writer.ts';
import { exploreLayers } from './explore.ts';
import type { ExploredLayer, ImageExploration } from './image-exploration.ts';
import { sha256 } from './image-store.fixture.ts';

/** A member: a path that ends with a slash is a directory's. */
function entry(path: string, sizeBytes = 0, more: Partial<Parameters<typeof encodeHeader>[0]> = {}): Buffer {
  const type = path.endsWith('/') ? 'directory' : 'file';
  return Buffer.concat([
    encodeHeader({ path, type, sizeBytes, ...more }),
    Buffer.alloc(sizeBytes),
    paddingFor(sizeBytes),
  ]);
}

/** A tar in small pieces, as they may arrive. */
async function* tarOf(members: readonly Buffer[]): AsyncGenerator<Buffer> {
  const tar = Buffer.concat([...members, END_OF_ARCHIVE]);
  for (let at = 0; at < tar.length; at += 700) yield tar.subarray(at, at + 700);
}

function explore(...layers: readonly (readonly Buffer[])[]): Promise<ImageExploration> {
  const toExplore = layers.map((members, index) => ({
    diffId: sha256(Buffer.from(`layer ${index}`)),
    command: `RUN ${index}`,
    tar: tarOf(members),
  }));
  return exploreLayers(sha256(Buffer.from('id')), toExplore, { withFiles: true });
}

function filesOf(layer: ExploredLayer | undefined): readonly string[] {
  return (layer?.files ?? []).map(({ kind, path, sizeBytes }) => `${kind} ${path} ${sizeBytes}`);
}

describe('exploreLayers', () => {
  it('tells what each layer adds, changes and removes', async () => {
    const { layers, sizeBytes, wastedBytes, efficiency, wasted } = await explore(
      [entry('etc/'), entry('etc/a', 100), entry('etc/b', 50), entry('big/x', 300), entry('big/y', 200)],
      [entry('etc/'), entry('./etc/a', 110), entry('.wh.big'), entry('new', 40)],
    );
    assert.deepEqual(filesOf(layers[0]), [
      'added /big/x 300',
      'added /big/y 200',
      'added /etc 0',
      'added /etc/a 100',
      'added /etc/b 50',
    ]);
    assert.deepEqual(filesOf(layers[1]), ['removed /big 500', 'changed /etc/a 110', 'added /new 40']);
    assert.deepEqual([layers[1]?.added, layers[1]?.changed, layers[1]?.removed], [1, 1, 1]);
    assert.deepEqual([layers[0]?.wastedBytes, layers[1]?.wastedBytes], [600, 0]);
    assert.deepEqual([sizeBytes, wastedBytes], [800, 600]);
    assert.equal(efficiency, 0.25);
    assert.deepEqual(
      wasted.map(({ path, sizeBytes: bytes, count }) => `${path} ${bytes} ${count}`),
      ['/big/x 300 1', '/big/y 200 1', '/etc/a 100 1'],
    );
  });

  it('hides what lies below an opaque directory, wherever its mark stands', async () => {
    const { layers, wastedBytes } = await explore(
      [entry('d/old', 10), entry('d/same', 5)],
      [entry('d/'), entry('d/new', 1), entry('d/.wh..wh..opq'), entry('d/same', 7)],
    );
    assert.deepEqual(filesOf(layers[1]), ['added /d/new 1', 'removed /d/old 10', 'changed /d/same 7']);
    assert.equal(wastedBytes, 15);
  });

  it('counts the bytes of hard links once, until the last one is gone', async () => {
    const link = entry('l', 0, { type: 'hardlink', linkName: './f' });
    const kept = await explore([entry('f', 100), link], [entry('.wh.f')]);
    assert.deepEqual([kept.sizeBytes, kept.wastedBytes], [100, 0]);
    const gone = await explore([entry('f', 100), link], [entry('.wh.f')], [entry('.wh.l')]);
    assert.equal(gone.wastedBytes, 100);
  });

  it('sees files where directories were, and directories whose owner changed', async () => {
    const { layers, wastedBytes } = await explore(
      [entry('d/'), entry('d/x', 10), entry('e/')],
      [entry('d', 5), entry('e/', 0, { uid: 7 })],
    );
    assert.deepEqual(filesOf(layers[1]), ['changed /d 5', 'changed /e 0']);
    assert.equal(wastedBytes, 10);
  });

  it('counts what one layer brings twice, and whiteouts of nothing not at all', async () => {
    const twice = await explore([entry('f', 10), entry('f', 20), entry('.wh.none')]);
    assert.deepEqual(filesOf(twice.layers[0]), ['added /f 20']);
    assert.deepEqual([twice.sizeBytes, twice.wastedBytes], [30, 10]);
    assert.equal((await explore([])).efficiency, 1);
  });
});
