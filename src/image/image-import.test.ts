import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { ImageStore } from './image.ts';
import { sha256, LAYERS, temporaryRoot, open, chunked, contentOf, coded } from './image-store.fixture.ts';

const root = temporaryRoot();

describe('import', () => {
  it('makes an image of one layer with changes', async () => {
    await using engine = await open(root.path);
    const changes = [
      'CMD ["sh","-l"]',
      'ENV A=b C="d e"',
      'EXPOSE 80 53/udp',
      'LABEL x=y',
      'WORKDIR /srv',
      'USER 1000:1000',
    ];
    const id = await engine.images.import({
      archive: chunked(gzipSync(LAYERS[1]!)),
      reference: 'imp:1',
      changes,
    });
    const inspect = await engine.images.inspect('imp:1');
    assert.equal(inspect.id, id);
    assert.deepEqual(inspect.tags, ['imp:1']);
    assert.equal(inspect.config.comment, 'Imported from -');
    assert.deepEqual(inspect.config.config.Cmd, ['sh', '-l']);
    assert.deepEqual(inspect.config.config.Env, ['A=b', 'C=d e']);
    assert.deepEqual(inspect.config.config.ExposedPorts, { '80/tcp': {}, '53/udp': {} });
    assert.deepEqual(inspect.config.rootfs.diff_ids, [sha256(LAYERS[1]!)]);
    assert.equal(inspect.sizeBytes, 300_000);
    assert.deepEqual(
      engine.events.map(({ action, attributes }) => [action, attributes['name']]),
      [
        ['tag', 'imp:1'],
        ['import', id],
      ],
    );
    const [entry] = await engine.images.history('imp:1');
    assert.deepEqual(
      [entry?.id, entry?.comment, entry?.sizeBytes, entry?.tags],
      [id, 'Imported from -', 300_000, ['imp:1']],
    );
  });

  it('takes every compression that Docker takes, and nothing at all', async () => {
    await using engine = await open(root.path);
    for (const program of ['xz', 'bzip2', 'zstd', 'gzip', 'cat']) {
      const { stdout } = spawnSync(program, { input: LAYERS[1]!, maxBuffer: 1 << 24 });
      await engine.images.import({ archive: chunked(stdout), reference: `by:${program}` });
      const { config } = await engine.images.inspect(`by:${program}`);
      assert.deepEqual(config.rootfs.diff_ids, [sha256(LAYERS[1]!)], program);
    }
    await engine.images.import({ archive: Readable.from([]), reference: 'by:nothing' });
    const { config, sizeBytes } = await engine.images.inspect('by:nothing');
    assert.deepEqual([config.rootfs.diff_ids, sizeBytes], [[sha256(Buffer.alloc(0))], 0]);
  });

  it('refuses junk when it comes, not after the last of it', async () => {
    await using engine = await open(root.path);
    const junk = randomBytes(1 << 20);
    let sent = 0;
    async function* endless() {
      for (; sent < 64; sent++) yield await Promise.resolve(junk);
    }
    const archive = Readable.from(endless(), { objectMode: false });
    await assert.rejects(engine.images.import({ archive }), coded('invalid', /invalid tar header/));
    assert.ok(sent < 4, `${sent} MiB were read`);
    assert.ok(archive.destroyed);
  });

  it('refuses what it cannot take and leaves nothing behind', async () => {
    await using engine = await open(root.path);
    const attempts: readonly (readonly [Parameters<ImageStore['import']>[0], RegExp])[] = [
      [{ archive: chunked(LAYERS[1]!), reference: 'Bad' }, /must be lowercase/],
      [{ archive: chunked(LAYERS[1]!), changes: ['FROM x'] }, /FROM is not a valid change command/],
      [{ archive: chunked(LAYERS[1]!), platform: 'a b' }, /platform/],
      [{ archive: chunked(Buffer.from('BZh91AY&SY')) }, /its bzip2 data is damaged/],
      [{ archive: chunked(gzipSync(LAYERS[1]!).subarray(0, 200_000)) }, /unexpected EOF/],
      [{ archive: chunked(LAYERS[1]!.subarray(0, 200_000)) }, /unexpected EOF/],
      [{ archive: chunked(randomBytes(70_000)) }, /invalid tar header/],
    ];
    for (const [request, text] of attempts)
      await assert.rejects(engine.images.import(request), coded('invalid', text));
    assert.deepEqual(await contentOf(engine), []);
  });
});
