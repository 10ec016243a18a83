/** Caches that leave the engine: another one, on another machine, finds what this one has built. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CacheSource } from '../../src/build/build.ts';
import { BuildEngine, type BuildWish } from '../support/build-engine.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { DirectorySession } from '../support/directory-session.ts';
import { runProgram } from '../support/docker.ts';

const withRegistry = { skip: DebianRegistry.isInstalled ? false : 'docker-registry is not installed' };

let one: BuildEngine;
let other: BuildEngine;
const scratch = mkdtempSync('/tmp/caisson-cache-');

before(async () => {
  one = await BuildEngine.start();
  other = await BuildEngine.start();
  await one.importBusybox();
  // The same image: a base by another time would be another one, but its layer is what counts.
  await other.importBusybox();
});

after(async () => {
  await one[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const files = [{ path: 'a', content: 'a', mode: 0o644 }];
const dockerfileText = (mark: string) => `FROM bb AS built
RUN cat /proc/sys/kernel/random/uuid > /uuid && echo ${mark}
RUN true
FROM bb
COPY a /a
COPY --from=built /uuid /uuid
RUN cat /uuid > /copy
`;

const wishOf = (mark: string): BuildWish => ({ dockerfileText: dockerfileText(mark), files });

async function uuidOf(engine: BuildEngine, wish: BuildWish): Promise<string> {
  const session = new DirectorySession(mkdtempSync(join(scratch, 'session-')));
  await engine.build({ ...wish, outputs: [{ type: 'local', attributes: {} }], session });
  return readFileSync(join(session.directory, '0/copy'), 'utf8');
}

async function skopeo(...args: readonly string[]): Promise<string> {
  const outcome = await runProgram('skopeo', args);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome.stdout;
}

test('registry, mode=max: every step is found by another engine', withRegistry, async () => {
  await using registry = await DebianRegistry.start();
  const ref = `${registry.host}/caches/max:1`;
  const cacheTo: readonly CacheSource[] = [{ type: 'registry', attributes: { ref, mode: 'max' } }];
  const made = await one.build({ ...wishOf('max'), cacheTo });
  assert.equal(made.cachedSteps, 0);
  const raw = JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${ref}`));
  assert.equal(raw.config.mediaType, 'application/vnd.buildkit.cacheconfig.v0');
  assert.equal(JSON.parse(made.response['cache.manifest'] ?? '{}').mediaType, raw.mediaType);
  const cacheFrom: readonly CacheSource[] = [{ type: 'registry', attributes: { ref } }];
  const found = await other.build({ ...wishOf('max'), cacheFrom });
  assert.equal(found.cachedSteps, 5);
  assert.equal(await uuidOf(other, wishOf('max')), await uuidOf(one, wishOf('max')));
  // What was imported is the engine's own now.
  assert.equal((await other.build(wishOf('max'))).cachedSteps, 5);
});

test('registry, mode=min: what the result stands on', withRegistry, async () => {
  await using registry = await DebianRegistry.start();
  const ref = `${registry.host}/caches/min:1`;
  const attributes = { ref, compression: 'zstd', 'image-manifest': 'false' };
  await one
    .build({ ...wishOf('min'), cacheTo: [{ type: 'registry', attributes }] })
    .catch((error: unknown) => {
      // Debian's registry takes no index of blobs.
      assert.match(String(error), /manifest|MANIFEST/);
      return one.build({
        ...wishOf('min'),
        cacheTo: [{ type: 'registry', attributes: { ...attributes, 'image-manifest': 'true' } }],
      });
    });
  const cacheFrom: readonly CacheSource[] = [{ type: 'registry', attributes: { ref } }];
  const found = await other.build({ ...wishOf('min'), cacheFrom });
  // The first stage is made anew, with another content: COPY --from and what follows are, too.
  assert.equal(found.cachedSteps, 1);
});

test('inline: an image that is here brings it along too, and no registry is asked', async () => {
  const cacheTo = [{ type: 'inline', attributes: {} }];
  const wish = {
    dockerfileText: 'FROM bb\nRUN cat /proc/sys/kernel/random/uuid > /uuid\nCOPY a /a\n',
    files,
  };
  await one.build({ ...wish, references: ['kept-here.invalid/image:1'], cacheTo });
  await one.engine.builds.prune();
  const cacheFrom = [{ type: 'registry', attributes: { ref: 'kept-here.invalid/image:1' } }];
  assert.equal((await one.build({ ...wish, cacheFrom })).cachedSteps, 2);
});

test('inline: the image brings it along', withRegistry, async () => {
  await using registry = await DebianRegistry.start();
  const name = `${registry.host}/caches/app:1`;
  const outputs = [{ type: 'registry', attributes: { name } }] as const;
  const text = `FROM bb
RUN cat /proc/sys/kernel/random/uuid > /uuid
ENV X=y
RUN true
COPY a /copy
`;
  const wish = { dockerfileText: text, files };
  await one.build({ ...wish, outputs, cacheTo: [{ type: 'inline', attributes: {} }] });
  const config = await skopeo('inspect', '--config', '--raw', '--tls-verify=false', `docker://${name}`);
  assert.ok(JSON.parse(config)['moby.buildkit.cache.v0']);
  const cacheFrom: readonly CacheSource[] = [{ type: 'registry', attributes: { ref: name } }];
  const found = await other.build({ ...wish, cacheFrom, references: ['found:1'] });
  assert.equal(found.cachedSteps, 3);
  const [layers, own] = await Promise.all([
    other.engine.images.inspect('found:1').then(({ config }) => config.rootfs.diff_ids),
    skopeo('inspect', '--config', '--tls-verify=false', `docker://${name}`).then(
      (shown) => JSON.parse(shown).rootfs.diff_ids,
    ),
  ]);
  assert.deepEqual(layers, own);
});

test('estargz: other layers to everybody else, the same to another engine', withRegistry, async () => {
  await using registry = await DebianRegistry.start();
  const ref = `${registry.host}/caches/estargz:1`;
  const attributes = { ref, mode: 'max', compression: 'estargz' };
  await one.build({ ...wishOf('estargz'), cacheTo: [{ type: 'registry', attributes }] });
  const raw = JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${ref}`));
  assert.equal(raw.layers.length, 4);
  for (const { mediaType, annotations } of raw.layers) {
    assert.equal(mediaType, 'application/vnd.oci.image.layer.v1.tar+gzip');
    assert.match(annotations['containerd.io/snapshot/stargz/toc.digest'], /^sha256:/);
  }
  const cacheFrom: readonly CacheSource[] = [{ type: 'registry', attributes: { ref } }];
  assert.equal((await other.build({ ...wishOf('estargz'), cacheFrom })).cachedSteps, 5);
  // The layers are those that they were made of, so what is made of them is the same again.
  assert.equal((await other.build(wishOf('estargz'))).cachedSteps, 5);
  assert.equal(await uuidOf(other, wishOf('estargz')), await uuidOf(one, wishOf('estargz')));
  const again = `${registry.host}/caches/estargz:2`;
  const second = { ...attributes, ref: again, 'force-compression': 'true' };
  await other.build({ ...wishOf('estargz'), cacheTo: [{ type: 'registry', attributes: second }] });
  const copied = JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${again}`));
  assert.deepEqual(copied.layers, raw.layers);
});

test('estargz: an image with its own cache', withRegistry, async () => {
  await using registry = await DebianRegistry.start();
  const name = `${registry.host}/caches/estargz-app:1`;
  const outputs = [{ type: 'registry', attributes: { name, compression: 'estargz' } }] as const;
  const text = `FROM bb
RUN cat /proc/sys/kernel/random/uuid > /uuid
COPY a /copy
RUN cat /uuid > /copy
`;
  const wish = { dockerfileText: text, files };
  const cacheTo = [{ type: 'inline', attributes: {} }];
  await one.build({ ...wish, outputs, cacheTo });
  const cacheFrom: readonly CacheSource[] = [{ type: 'registry', attributes: { ref: name } }];
  assert.equal((await other.build({ ...wish, cacheFrom })).cachedSteps, 3);
  assert.equal(await uuidOf(other, wish), await uuidOf(one, wish));
});

test('local: a directory that the client keeps, in a form that skopeo knows', async () => {
  const session = new DirectorySession(mkdtempSync(join(scratch, 'session-')));
  const attributes = { dest: 'kept', mode: 'max' };
  await one.build({ ...wishOf('local'), session, cacheTo: [{ type: 'local', attributes }] });
  const directory = join(session.directory, '0');
  assert.deepEqual(readdirSync(directory).toSorted(), ['blobs', 'index.json', 'oci-layout']);
  const raw = JSON.parse(await skopeo('inspect', '--raw', `oci:${directory}:latest`));
  assert.equal(raw.config.mediaType, 'application/vnd.buildkit.cacheconfig.v0');
  session.directories.set('cache:kept', directory);
  const cacheFrom: readonly CacheSource[] = [{ type: 'local', attributes: { src: 'kept' } }];
  assert.equal((await other.build({ ...wishOf('local'), session, cacheFrom })).cachedSteps, 5);
});

test('a cache that is not there, or lies, does not fail the build', async () => {
  const session = new DirectorySession(mkdtempSync(join(scratch, 'session-')));
  const cacheTo = [{ type: 'local', attributes: { dest: 'kept', mode: 'max' } }] as const;
  await one.build({ ...wishOf('spoilt'), session, cacheTo });
  const blobs = join(session.directory, '0/blobs/sha256');
  for (const name of readdirSync(blobs)) {
    const content = readFileSync(join(blobs, name));
    // Only layers: gzip's first bytes.
    if (content[0] === 0x1f) writeFileSync(join(blobs, name), content.subarray(0, -1));
  }
  session.directories.set('cache:kept', join(session.directory, '0'));
  const cacheFrom: readonly CacheSource[] = [
    { type: 'registry', attributes: { ref: '127.0.0.1:1/nowhere:1' } },
    { type: 'local', attributes: { src: 'absent' } },
    { type: 'local', attributes: { src: 'kept' } },
  ];
  const built = await other.build({ ...wishOf('spoilt'), session, cacheFrom });
  // What changes nothing has no layer to be wrong about, but stands on what is made anew.
  assert.ok(built.cachedSteps <= 1, String(built.cachedSteps));
  const failed = built.events.flatMap((event) =>
    event.type === 'vertex' && event.vertex.failure ? [event.vertex.name] : [],
  );
  assert.deepEqual(
    new Set(failed),
    new Set(['127.0.0.1:1/nowhere:1', 'absent'].map((name) => `importing cache manifest from ${name}`)),
  );
});

/** A registry that has a cache from a directory, but for its layers, which turn out to be missing. */
class CacheWithoutLayers implements Disposable {
  /** A layer is asked for; the answer waits. */
  readonly asked = Promise.withResolvers<void>();
  readonly answer = Promise.withResolvers<void>();
  readonly #server = createServer((request, response) => {
    const { url = '' } = request;
    if (url === '/v2/') return void response.end();
    const digest = url.includes('/manifests/') ? this.#manifest : (url.split('/').at(-1) ?? '');
    const content = readFileSync(join(this.#directory, 'blobs', digest.replace(':', '/')));
    if (content[0] === 0x1f) {
      this.asked.resolve();
      return void this.answer.promise.then(() => response.writeHead(404).end());
    }
    const { mediaType } = JSON.parse(content.toString());
    return void response.setHeader('Content-Type', mediaType ?? 'application/octet-stream').end(content);
  });
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async listen(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  get #manifest(): string {
    return JSON.parse(readFileSync(join(this.#directory, 'index.json'), 'utf8')).manifests[0].digest;
  }

  [Symbol.dispose](): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

test('what another build makes while a cache is asked for is not made again', async () => {
  const wish = wishOf('held');
  const session = new DirectorySession(mkdtempSync(join(scratch, 'session-')));
  const attributes = { dest: 'kept', mode: 'max' };
  await one.build({ ...wish, session, cacheTo: [{ type: 'local', attributes }] });
  using cache = new CacheWithoutLayers(join(session.directory, '0'));
  const ref = `${await cache.listen()}/caches/held:1`;
  const waiting = uuidOf(other, { ...wish, cacheFrom: [{ type: 'registry', attributes: { ref } }] });
  await Promise.race([cache.asked.promise, waiting]);
  const made = await uuidOf(other, wish);
  cache.answer.resolve();
  assert.equal(await waiting, made);
});

test('attributes that cannot be are said before anything is built', async () => {
  const cases: readonly (readonly [CacheSource, RegExp])[] = [
    [{ type: 'registry', attributes: {} }, /of type registry: ref is missing/],
    [{ type: 'local', attributes: {} }, /of type local: dest is missing/],
    [{ type: 'inline', attributes: { mode: 'middle' } }, /mode="middle": one of min, max expected/],
    [{ type: 'registry', attributes: { ref: 'A:B' } }, /lowercase|invalid reference/],
  ];
  for (const [cache, pattern] of cases)
    await assert.rejects(one.build({ ...wishOf('wrong'), cacheTo: [cache] }), pattern);
});
