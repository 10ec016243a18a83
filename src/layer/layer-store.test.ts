import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { mountTmpfs, unmountAll } from '#linux/mount.ts';
import { digestHex } from '#oci/digest.ts';
import { probeErofs } from './erofs-probe.ts';
import { layerPaths } from './layer-directory.ts';
import { describeLayerStore } from './layer-store.conformance.ts';
import { file, LayerFixture } from './test-fixture.ts';

describeLayerStore('erofs');
describeLayerStore('directory');

describe('layer store', () => {
  it('shares the file of an uncompressed blob instead of copying it', async () => {
    await using fixture = new LayerFixture('erofs');
    const layer = await fixture.addLayer(file('f', 'content'));
    const { tar } = layerPaths(join(fixture.layerRoot, digestHex(layer)));
    assert.equal(statSync(tar).ino, statSync(fixture.content.path(layer)).ino);
  });

  it('finds out where EROFS cannot be mounted from files', async () => {
    await using fixture = new LayerFixture('auto');
    assert.equal(fixture.layers.kind, 'erofs');
    const memory = join(fixture.path, 'memory');
    mkdirSync(memory);
    mountTmpfs(memory);
    try {
      assert.ok(probeErofs(memory, fixture.runDirectory) instanceof Error);
    } finally {
      unmountAll(memory);
    }
  });

  it('prints how long unpacking takes', async (context) => {
    const tar = execFileSync('tar', ['-cf', '-', '-C', '/', 'usr/share/perl', 'usr/include'], {
      maxBuffer: 1 << 30,
    });
    const packed = gzipSync(tar, { level: 1 });
    for (const kind of ['erofs', 'directory'] as const) {
      await using fixture = new LayerFixture(kind, { maximumLayerBytes: 1 << 30, maximumEntries: 1e6 });
      for (const [compression, bytes] of [
        ['gzip', packed],
        ['none', tar],
      ] as const) {
        const blob = await fixture.addBlob(bytes);
        const start = performance.now();
        const { diffId } = await fixture.layers.unpack({ blob, compression });
        const ms = (performance.now() - start).toFixed(0);
        context.diagnostic(`${kind} ${compression}: ${(tar.length / 1e6).toFixed(0)} MB in ${ms} ms`);
        await fixture.layers.remove(diffId);
      }
    }
  });
});
