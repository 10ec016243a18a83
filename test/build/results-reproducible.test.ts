/** `SOURCE_DATE_EPOCH`: what is built twice from scratch is the same, bit by bit. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import type { TarMember } from '../fixtures/tar.ts';
import { BuildEngine, type BuildWish } from '../support/build-engine.ts';
import { DirectorySession } from '../support/directory-session.ts';

const EPOCH = 1_600_000_000;
const CREATED = '2020-09-13T12:26:40Z';

const engine = await BuildEngine.forTests();
const { directory: scratch } = engine;

const dockerfileText = `FROM bb
COPY a d /copied/
RUN mkdir /made && date > /dev/null && echo made > /made/file && ln -s file /made/link
ENV X=y
`;

/** A context whose files were changed at `seconds`. */
function context(seconds: number): readonly TarMember[] {
  const mtimeNs = BigInt(seconds) * 1_000_000_000n + 123n;
  return [
    { path: 'a', content: 'a', mode: 0o644, mtimeNs },
    { path: 'd/', mode: 0o755, mtimeNs },
    { path: 'd/b', content: 'b', mode: 0o600, mtimeNs },
  ];
}

async function buildOnce(wish: BuildWish) {
  const session = new DirectorySession(mkdtempSync(join(scratch, 'session-')));
  const built = await engine.build({
    dockerfileText,
    noCache: true,
    buildArgs: { SOURCE_DATE_EPOCH: String(EPOCH) },
    session,
    ...wish,
  });
  return { ...built, directory: session.directory };
}

test('two builds from scratch give the same image and the same archive', async () => {
  const outputs = [
    { type: 'image', attributes: { 'rewrite-timestamp': 'true', name: 'twice' } },
    { type: 'oci', attributes: { 'rewrite-timestamp': 'true', name: 'twice' } },
  ] as const;
  const first = await buildOnce({ outputs, files: context(EPOCH + 1000) });
  const second = await buildOnce({ outputs, files: context(EPOCH + 77_000_000) });
  assert.equal(second.id, first.id);
  assert.deepEqual(second.response, first.response);
  const archives = [first, second].map(({ directory }) => readFileSync(join(directory, '1')));
  assert.ok(archives[0]?.equals(archives[1] ?? Buffer.alloc(0)), 'the archives differ');
  const { config } = await engine.engine.images.inspect('twice');
  assert.equal(config.created, CREATED);
  const history = await engine.engine.images.history('twice');
  const [, ...own] = history.toReversed();
  assert.deepEqual(new Set(own.map((step) => step.createdAtMs)), new Set([EPOCH * 1000]));
});

test('without it, times are what they are; the base keeps its own', async () => {
  const one = await buildOnce({ files: context(EPOCH + 1000), references: ['as-is'], buildArgs: {} });
  const other = await buildOnce({ files: context(EPOCH + 2000), buildArgs: {} });
  assert.notEqual(one.id, other.id);
  const outputs = [{ type: 'image', attributes: { 'rewrite-timestamp': 'true', name: 'clamped' } }] as const;
  await buildOnce({ files: context(EPOCH + 1000), outputs });
  const [base] = (await engine.engine.images.history('bb')).toReversed();
  const [kept] = (await engine.engine.images.history('clamped')).toReversed();
  assert.equal(kept?.createdAtMs, base?.createdAtMs);
  const layers = await engine.engine.images.inspect('clamped');
  const baseLayers = await engine.engine.images.inspect('bb');
  assert.equal(layers.config.rootfs.diff_ids[0], baseLayers.config.rootfs.diff_ids[0]);
});

test('exported files have its time', async () => {
  const outputs = [{ type: 'local', attributes: {} }] as const;
  const { directory } = await buildOnce({
    dockerfileText: 'FROM scratch\nCOPY a /a\n',
    files: context(EPOCH + 1000),
    outputs,
  });
  assert.equal(statSync(join(directory, '0/a')).mtimeMs, EPOCH * 1000);
});

/** Files that exporters sent, with what trees say of each. */
function sentTo(directory: string): ReadonlyMap<string, string> {
  const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted();
  return new Map(
    paths.map((path) => {
      const stats = lstatSync(join(directory, path));
      const about = [stats.mode, stats.isFile() ? stats.size : 0];
      if (!stats.isFile()) return [path, about.join(' ')];
      const hash = createHash('sha256').update(readFileSync(join(directory, path)));
      // Archives are written by the test's own client.
      const isArchive = !path.includes('/');
      return [path, [...about, isArchive ? 0 : stats.mtimeMs, hash.digest('hex')].join(' ')];
    }),
  );
}

const everything = {
  outputs: [
    { type: 'image', attributes: { 'rewrite-timestamp': 'true' } },
    { type: 'local', attributes: {} },
    { type: 'tar', attributes: {} },
    ...['gzip', 'zstd', 'uncompressed', 'estargz'].map((compression) => ({
      type: 'oci' as const,
      attributes: { compression, 'rewrite-timestamp': 'true', 'compression-level': '5' },
    })),
  ],
  dockerfileText: `FROM scratch AS base
ADD root.tar /
FROM base
COPY a d /copied/
WORKDIR /work/below
RUN for i in 3 1 2; do date > /dev/null; echo $i > file$i; done; ln file1 linked; chmod 4711 file2; rm -r /www
COPY --link --chown=1000:1000 <<EOF /var/lib/dpkg/status
Package: bash
Version: 5.2

EOF
USER user
`,
  references: ['all:1'],
} satisfies BuildWish;

test('two fresh engines export the same by every exporter, in every compression, with lists of packages', async () => {
  const results: unknown[] = [];
  for (const seconds of [EPOCH + 1000, EPOCH + 77_000_000]) {
    await using fresh = await BuildEngine.start();
    const files = [...context(seconds), { path: 'root.tar', content: busyboxRootTar(), mode: 0o644 }];
    const docker = [{ type: 'docker', attributes: { 'rewrite-timestamp': 'true' } }] as const;
    for (const own of [{ attestations: { sbom: {} } }, { outputs: docker }]) {
      const session = new DirectorySession(mkdtempSync(join(scratch, 'session-')));
      const buildArgs = { SOURCE_DATE_EPOCH: String(EPOCH) };
      const { id, response } = await fresh.build({ ...everything, files, session, buildArgs, ...own });
      results.push({ id, response, sent: sentTo(session.directory) });
    }
  }
  assert.deepEqual(results.slice(2), results.slice(0, 2));
});

test('what is no number of seconds is refused', async () => {
  await assert.rejects(
    buildOnce({ buildArgs: { SOURCE_DATE_EPOCH: 'yesterday' }, files: context(EPOCH) }),
    /invalid SOURCE_DATE_EPOCH: "yesterday"/,
  );
});
