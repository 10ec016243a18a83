import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { encodeHeader } from '#oci/tar-writer.ts';
import {
  tar,
  configFor,
  dockerArchive,
  LAYERS,
  temporaryRoot,
  open,
  load,
  contentOf,
  coded,
  ALL,
  manifest,
} from './image-store.fixture.ts';

const root = temporaryRoot();

describe('load of hostile archives', () => {
  const layer = LAYERS[1]!;
  const config = configFor([layer]);
  const good = { 'l.tar': layer, 'c.json': config };
  const bomb = gzipSync(tar({ zeros: Buffer.alloc(3_000_000) }));
  const big = [tar({ zeros: Buffer.alloc(3_000_000) })];

  const cases: readonly (readonly [name: string, archive: () => Buffer, text: RegExp])[] = [
    [
      'not an archive',
      () => Buffer.from('hello world, this is no archive at all'.repeat(50)),
      /invalid tar header/,
    ],
    ['nothing', () => Buffer.alloc(0), /neither manifest.json nor index.json/],
    ['cut short', () => dockerArchive({ layers: LAYERS }).subarray(0, 200_000), /unexpected EOF/],
    [
      'cut short in gzip',
      () => gzipSync(dockerArchive({ layers: LAYERS })).subarray(0, 100_000),
      /unexpected EOF/,
    ],
    ['xz', () => Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2]), /its xz data is damaged/],
    ['a manifest that is no JSON', () => tar({ ...good, 'manifest.json': '{[' }), /not JSON/],
    [
      'a manifest of a wrong shape',
      () => tar({ ...good, 'manifest.json': '{"a":1}' }),
      /manifest is not an array/,
    ],
    ['a huge manifest', () => tar({ 'manifest.json': Buffer.alloc(17 << 20, ' ') }), /larger than/],
    [
      'a missing layer',
      () => tar({ ...good, 'manifest.json': manifest({ Config: 'c.json', Layers: ['gone.tar'] }) }),
      /open gone.tar: no such file or directory/,
    ],
    [
      'a name outside',
      () => tar({ ...good, 'manifest.json': manifest({ Config: '../../../../etc/passwd', Layers: [] }) }),
      /no such file or directory/,
    ],
    [
      'links in a circle',
      () =>
        tar({
          ...good,
          a: '-> b',
          b: '-> a',
          'manifest.json': manifest({ Config: 'c.json', Layers: ['a'] }),
        }),
      /open a: no such file/,
    ],
    [
      'a link to the host',
      () => tar({ ...good, a: '-> /etc/passwd', 'manifest.json': manifest({ Config: 'a', Layers: [] }) }),
      /open a: no such file/,
    ],
    [
      'too few layers',
      () => tar({ ...good, 'manifest.json': manifest({ Config: 'c.json', Layers: [] }) }),
      /its configuration has 1 layers, its manifest 0/,
    ],
    [
      'another layer than the configuration says',
      () =>
        tar({
          'l.tar': LAYERS[2]!,
          'c.json': config,
          'manifest.json': manifest({ Config: 'c.json', Layers: ['l.tar'] }),
        }),
      /layer 0 is sha256:/,
    ],
    [
      'a compressed layer that is another',
      () =>
        tar({
          'l.tar': gzipSync(LAYERS[2]!),
          'c.json': config,
          'manifest.json': manifest({ Config: 'c.json', Layers: ['l.tar'] }),
        }),
      /layer 0 is sha256:/,
    ],
    [
      'a blob that is not what its name says',
      () =>
        tar({
          [`blobs/sha256/${'0'.repeat(64)}`]: layer,
          'c.json': config,
          'manifest.json': manifest({ Config: 'c.json', Layers: [`blobs/sha256/${'0'.repeat(64)}`] }),
        }),
      /its digest is/,
    ],
    ['a layer that is no tar', () => dockerArchive({ layers: [randomBytes(200_000)] }), /invalid tar header/],
    [
      'a name that is none',
      () => dockerArchive({ layers: [layer], tags: ['Bad Name'] }),
      /invalid reference format/,
    ],
    [
      'a Windows image',
      () => dockerArchive({ layers: [layer], config: configFor([layer], { os: 'windows' }) }),
      /it is for windows, not for linux/,
    ],
    ['a layer larger than allowed', () => dockerArchive({ layers: big }), /larger than 2000000 bytes/],
    [
      'a decompression bomb',
      () =>
        tar({
          'l.tar': bomb,
          'c.json': configFor(big),
          'manifest.json': manifest({ Config: 'c.json', Layers: ['l.tar'] }),
        }),
      /larger than 2000000 bytes/,
    ],
    [
      'too many members',
      () => Buffer.concat(Array.from({ length: 100_001 }, () => encodeHeader({ path: 'x', type: 'file' }))),
      /more than 100000 members/,
    ],
    [
      'too much in small files',
      () =>
        tar(
          Object.fromEntries(Array.from({ length: 1200 }, (_, index) => [`f${index}`, Buffer.alloc(60_000)])),
        ),
      /too many small files/,
    ],
  ];
  for (const [name, archive, text] of cases)
    it(`refuses ${name} and leaves nothing behind`, async () => {
      await using engine = await open(root.path, { maximumLayerBytes: 2_000_000 });
      await assert.rejects(load(engine, archive()), coded('invalid', text));
      assert.deepEqual(await contentOf(engine), []);
      assert.deepEqual(readdirSync(join(root.path, 'content/ingest')), []);
      assert.deepEqual(await engine.images.list(ALL), []);
      assert.deepEqual(engine.events, []);
    });

  it('does not believe what a blob is because the layer is there already', async () => {
    await using engine = await open(root.path);
    await load(engine, dockerArchive({ layers: [layer], tags: ['good:1'] }));
    const archive = tar({
      'l.tar': gzipSync(LAYERS[2]!),
      'c.json': configFor([layer], { author: 'mallory' }),
      'manifest.json': manifest({ Config: 'c.json', Layers: ['l.tar'] }),
    });
    await assert.rejects(load(engine, archive), { code: 'invalid', reason: 'layer-differs' });
    assert.equal((await contentOf(engine)).length, 3);
  });

  it('reports a full disk and stays whole', async () => {
    const small = join(root.path, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small]);
    try {
      await using engine = await open(small);
      await load(engine, dockerArchive({ layers: LAYERS, tags: ['kept:1'] }));
      const before = await contentOf(engine);
      const huge = dockerArchive({ layers: [tar({ f: randomBytes(12_000_000) })], tags: ['huge:1'] });
      await assert.rejects(load(engine, huge), coded('exhausted', /no space left on device/));
      assert.deepEqual(await contentOf(engine), before);
      await load(engine, dockerArchive({ layers: LAYERS, tags: ['again:1'] }));
    } finally {
      execFileSync('umount', [small]);
    }
  });

  it('stops when its signal fires', async () => {
    await using engine = await open(root.path);
    const controller = new AbortController();
    const archive = dockerArchive({ layers: LAYERS, tags: ['a:1'] });
    const source = Readable.from(
      (async function* () {
        yield archive.subarray(0, 150_000);
        controller.abort();
        yield archive.subarray(150_000);
      })(),
      { objectMode: false },
    );
    const loading = Array.fromAsync(engine.images.load(source, { signal: controller.signal }));
    await assert.rejects(loading, { name: 'AbortError' });
    assert.deepEqual(await contentOf(engine), []);
  });
});
