/** `compression=estargz`: layers whose files can be read one by one, checked by a reader of the test's own. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, inflateRawSync } from 'node:zlib';
import { BuildEngine, type BuildWish } from '../support/build-engine.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { DirectorySession } from '../support/directory-session.ts';
import { runProgram } from '../support/docker.ts';

const withRegistry = { skip: DebianRegistry.isInstalled ? false : 'docker-registry is not installed' };
const CHUNK_BYTES = 4 << 20;

const engine = await BuildEngine.forTests();
const { directory: scratch } = engine;

/** Two whole chunks, and one that is shorter. */
const large = Buffer.alloc(2 * CHUNK_BYTES + 1000, 'what compresses well, ');
const whole = Buffer.alloc(CHUNK_BYTES, 'exactly one');
const files = [
  { path: 'large', content: large, mode: 0o644 },
  { path: 'whole', content: whole, mode: 0o600 },
  { path: 'empty', content: '', mode: 0o644 },
  { path: 'é', content: 'a name', mode: 0o4755 },
];
const dockerfileText = `FROM bb
COPY large whole empty é /files/
RUN ln -s large /files/symlink && ln /files/large /files/hardlink && mknod /files/device c 1 3 && rm /bin/true
`;

const sumOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const sha256 = (bytes: Buffer) => `sha256:${sumOf(bytes)}`;

interface TocEntry {
  readonly name: string;
  readonly type: string;
  readonly size?: number;
  readonly offset?: number;
  readonly chunkOffset?: number;
  readonly chunkSize?: number;
  readonly digest?: string;
  readonly chunkDigest?: string;
  readonly linkName?: string;
  readonly mode?: number;
  readonly devMajor?: number;
}

/** The one member of gzip that begins there: what follows it is not looked at. */
function member(blob: Buffer, offset: number): Buffer {
  assert.equal(blob.readUInt16BE(offset), 0x1f8b, 'no gzip member begins here');
  assert.equal(blob[offset + 3], 0, 'a member without names');
  return inflateRawSync(blob.subarray(offset + 10));
}

function tocOf(blob: Buffer): { readonly entries: readonly TocEntry[]; readonly digest: string } {
  const footer = blob.subarray(-51);
  assert.equal(gunzipSync(footer).length, 0);
  assert.equal(footer.toString('latin1', 12, 14), 'SG');
  const [, digits = ''] = /^([0-9a-f]{16})STARGZ$/.exec(footer.toString('latin1', 16, 38)) ?? [];
  const tar = gunzipSync(blob.subarray(Number.parseInt(digits, 16), -51));
  assert.match(tar.toString('latin1', 0, 100), /^stargz\.index\.json\0/);
  const sizeBytes = Number.parseInt(tar.toString('latin1', 124, 135), 8);
  const json = tar.subarray(512, 512 + sizeBytes);
  const { version, entries } = JSON.parse(json.toString());
  assert.equal(version, 1);
  return { entries, digest: sha256(json) };
}

/** Each file's data by its chunks alone, every digest verified. */
function filesOf(blob: Buffer, entries: readonly TocEntry[]): ReadonlyMap<string, Buffer> {
  const contents = new Map<string, Buffer>();
  for (const first of entries.filter(({ type }) => type === 'reg')) {
    const { name, size = 0 } = first;
    const chunks = size === 0 ? [] : entries.filter((each) => each === first || isChunkOf(each, name));
    const parts = chunks.map(({ offset = 0, chunkOffset = 0, chunkSize, chunkDigest }) => {
      const data = member(blob, offset).subarray(0, chunkSize ?? size - chunkOffset);
      assert.equal(sha256(data), chunkDigest);
      return data;
    });
    contents.set(name, Buffer.concat(parts));
    assert.equal(sha256(contents.get(name) ?? Buffer.alloc(0)), first.digest, name);
  }
  return contents;
}

const isChunkOf = ({ type, name }: TocEntry, wanted: string) => type === 'chunk' && name === wanted;

async function layoutOf(wish: BuildWish): Promise<string> {
  const session = new DirectorySession(mkdtempSync(join(scratch, 'session-')));
  await engine.build({ dockerfileText, files, session, ...wish });
  return join(session.directory, '0');
}

function reader(layout: string) {
  const blob = (digest: string) => readFileSync(join(layout, 'blobs/sha256', digest.slice('sha256:'.length)));
  const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const manifest = JSON.parse(blob(manifests[0].digest).toString());
  return { blob, manifest, config: JSON.parse(blob(manifest.config.digest).toString()) };
}

const wanted = { tar: 'false', compression: 'estargz' };

test('footer, table and every chunk; plain gzip to all others; annotations', async () => {
  const { blob, manifest, config } = reader(
    await layoutOf({ outputs: [{ type: 'oci', attributes: wanted }] }),
  );
  assert.equal(manifest.layers.length, 3);
  for (const [index, layer] of manifest.layers.entries()) {
    const bytes = blob(layer.digest);
    const { entries, digest } = tocOf(bytes);
    const tar = gunzipSync(bytes);
    assert.equal(layer.mediaType, 'application/vnd.oci.image.layer.v1.tar+gzip');
    assert.deepEqual(layer.annotations, {
      'containerd.io/snapshot/stargz/toc.digest': digest,
      'io.containers.estargz.uncompressed-size': String(tar.length),
    });
    assert.equal(sha256(tar), config.rootfs.diff_ids[index]);
    filesOf(bytes, entries);
  }
  const { digest } = manifest.layers[1];
  const { entries } = tocOf(blob(digest));
  const contents = filesOf(blob(digest), entries);
  assert.deepEqual([...contents.keys()].toSorted(), ['files/empty', 'files/large', 'files/whole', 'files/é']);
  assert.ok(contents.get('files/large')?.equals(large) && contents.get('files/whole')?.equals(whole));
  const chunksOf = (name: string) =>
    entries
      .filter((each) => each.name === name)
      .map(({ chunkOffset, chunkSize }) => [chunkOffset, chunkSize]);
  assert.deepEqual(chunksOf('files/large'), [
    [undefined, CHUNK_BYTES],
    [CHUNK_BYTES, CHUNK_BYTES],
    [2 * CHUNK_BYTES, undefined],
  ]);
  assert.deepEqual(chunksOf('files/whole'), [[undefined, CHUNK_BYTES]]);
  assert.equal(entries.find(({ name }) => name === 'files/é')?.mode, 0o4755);
  const changes = tocOf(blob(manifest.layers[2].digest)).entries;
  const shown = changes.map(({ name, type, linkName, devMajor }) => [name, type, linkName, devMajor]);
  for (const line of [
    ['files/symlink', 'symlink', 'large', undefined],
    ['files/device', 'char', undefined, 1],
    ['bin/.wh.true', 'reg', undefined, undefined],
  ])
    assert.ok(
      shown.some((each) => JSON.stringify(each) === JSON.stringify(line)),
      JSON.stringify(line),
    );
});

const clamped: BuildWish = {
  outputs: [{ type: 'oci', attributes: { ...wanted, 'rewrite-timestamp': 'true' } }],
  buildArgs: { SOURCE_DATE_EPOCH: '1600000000' },
  dockerfileText: 'FROM bb\nCOPY é /é\n',
};

test('the same again, from what is cached and from scratch', async () => {
  const wishes = [clamped, clamped, { ...clamped, noCache: true }];
  const manifests: unknown[] = [];
  for (const wish of wishes) manifests.push(reader(await layoutOf(wish)).manifest);
  assert.deepEqual(manifests[1], manifests[0]);
  assert.deepEqual(manifests[2], manifests[0]);
});

async function manifestOf(name: string) {
  const inspect = ['inspect', '--tls-verify=false', '--raw', `docker://${name}`];
  return JSON.parse((await runProgram('skopeo', inspect)).stdout);
}

/** Pulls by Podman's own reader of such layers, which asks for the ranges that it needs, and verifies chunks. */
async function pulledByPodman(name: string): Promise<readonly string[]> {
  const directory = mkdtempSync(join(scratch, 'podman-'));
  const options = {
    enable_partial_images: 'true',
    convert_images: 'false',
    insecure_allow_unpredictable_image_contents: 'true',
  };
  const pairs = Object.entries(options).map(([key, value]) => `${key} = "${value}"`);
  const configuration = join(directory, 'storage.conf');
  writeFileSync(
    configuration,
    `[storage]
driver = "overlay"
graphroot = "${directory}/root"
runroot = "${directory}/run"
[storage.options]
pull_options = {${pairs.join(', ')}}
`,
  );
  const script = `podman --log-level debug pull --tls-verify=false ${name} 2> ${directory}/log > /dev/null
    grep -c 'Retrieved partial blob' ${directory}/log
    cd "$(podman image mount ${name})/files"
    sha256sum large whole hardlink
    stat -c %a é`;
  // Its mounts go with the namespace.
  const inside = ['--mount', '--propagation', 'private', 'sh', '-ec', script];
  const env = { CONTAINERS_STORAGE_CONF: configuration, PODMAN_IGNORE_CGROUPSV1_WARNING: '1' };
  const { exitCode, stdout, stderr } = await runProgram('unshare', inside, { env });
  assert.equal(exitCode, 0, stderr);
  return stdout.trim().split('\n');
}

test('pushed, pulled and run; its base keeps its layers', withRegistry, async () => {
  await using registry = await DebianRegistry.start();
  const name = `${registry.host}/team/lazy:1`;
  const attributes = { name, push: 'true', compression: 'estargz' };
  const { id } = await engine.build({ dockerfileText, files, outputs: [{ type: 'image', attributes }] });
  const pushed = await manifestOf(name);
  assert.equal(pushed.config.digest, id);
  const [partial, ...sums] = await pulledByPodman(name);
  assert.equal(partial, String(pushed.layers.length), 'podman has not read the layers by their tables');
  assert.deepEqual(sums, [
    `${sumOf(large)}  large`,
    `${sumOf(whole)}  whole`,
    `${sumOf(large)}  hardlink`,
    '4755',
  ]);
  await engine.engine.images.remove(name, { force: true, prune: true });
  const above = `${registry.host}/team/above:1`;
  const check = `FROM ${name}\nRUN cmp /files/large /files/hardlink && ! test -e /stargz.index.json && test -c /files/device\n`;
  const outputs = [{ type: 'registry', attributes: { name: above, compression: 'estargz' } }] as const;
  await engine.build({ dockerfileText: check, outputs });
  const { layers } = await manifestOf(above);
  assert.deepEqual(layers.slice(0, 3), pushed.layers);
});

test('levels are heeded; what cannot be is refused', async () => {
  const sizeOf = async (attributes: Readonly<Record<string, string>>) => {
    const outputs = [
      { type: 'oci', attributes: { tar: 'false', 'force-compression': 'true', ...attributes } },
    ] as const;
    const { manifest } = reader(await layoutOf({ dockerfileText: 'FROM bb\n', files: [], outputs }));
    return manifest.layers[0].size;
  };
  for (const compression of ['gzip', 'zstd', 'estargz']) {
    const fast = await sizeOf({ compression, 'compression-level': '1' });
    const small = await sizeOf({ compression, 'compression-level': '9' });
    assert.ok(small < fast, `${compression}: ${small} is not less than ${fast}`);
  }
  const refusals = [
    [{ 'oci-mediatypes': 'false' }, /compression="estargz": only with oci-mediatypes=true/],
    [{ 'compression-level': '10' }, /compression-level="10": estargz has levels from -1 to 9/],
  ] as const;
  for (const [attributes, message] of refusals) {
    const outputs = [{ type: 'oci', attributes: { ...wanted, ...attributes } }] as const;
    await assert.rejects(layoutOf({ outputs }), message);
  }
  const named = {
    dockerfileText: 'FROM scratch\nCOPY x /stargz.index.json\n',
    files: [{ path: 'x', content: 'x', mode: 0o644 }],
  };
  await assert.rejects(
    layoutOf({ ...named, outputs: [{ type: 'oci', attributes: wanted }] }),
    /"stargz\.index\.json" is what its table of contents is called/,
  );
});
