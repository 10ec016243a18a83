import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { regularFile } from './tree-entry.fixture.ts';
import { findPackages } from './find-packages.ts';
import { parseRpmHeader } from './rpm-header.ts';
import { openLocalTree } from './local-tree.ts';

const isInstalled = ['rpmbuild --version', 'db5.3_load -V'].every(
  (command) => spawnSync('sh', ['-c', command]).status === 0,
);
const withRpm = { skip: isInstalled ? false : 'rpm and db-util are not installed' };
const scratch = mkdtempSync('/tmp/caisson-rpm-');

const SPEC = `Name: tiny
Epoch: 2
Version: 1.0
Release: 3
Summary: tiny
License: MIT AND Zlib
BuildArch: noarch
%description
%package -n tools
Epoch: 0
Summary: tools
%description -n tools
%files
%files -n tools
`;

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

before(() => {
  if (!isInstalled) return;
  writeFileSync(join(scratch, 'tiny.spec'), SPEC);
  const places = ['--define', `_topdir ${scratch}/top`, '--define', `_rpmdir ${scratch}`];
  run('rpmbuild', '-bb', ...places, join(scratch, 'tiny.spec'));
});

after(() => rmSync(scratch, { recursive: true, force: true }));

/** A root in which rpm has written down the packages. */
function rootWith(directory: string, backend: string): string {
  const root = mkdtempSync(join(scratch, 'root-'));
  mkdirSync(join(root, 'etc'));
  writeFileSync(join(root, 'etc/os-release'), 'ID=fedora\nVERSION_ID=42\n');
  const files = readdirSync(join(scratch, 'noarch')).map((name) => join(scratch, 'noarch', name));
  const places = ['--root', root, '--dbpath', `/${directory}`, '--define', `_db_backend ${backend}`];
  run('rpm', ...places, '--nodeps', '--justdb', '-i', ...files);
  return root;
}

async function packagesIn(root: string) {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(root, path)).isFile(),
  );
  return await findPackages(
    openLocalTree({
      async *entries() {
        for (const path of paths) yield regularFile(path, statSync(join(root, path)).size);
      },
      placeOf: ({ path }) => Buffer.from(join(root, path)),
    }),
  );
}

const purls = [
  'pkg:rpm/fedora/tiny@1.0-3?arch=noarch&distro=fedora-42&epoch=2&upstream=tiny-1.0-3.src.rpm',
  'pkg:rpm/fedora/tools@1.0-3?arch=noarch&distro=fedora-42&upstream=tiny-1.0-3.src.rpm',
];

for (const [directory, backend] of [
  ['var/lib/rpm', 'sqlite'],
  ['usr/lib/sysimage/rpm', 'sqlite'],
  ['usr/lib/sysimage/rpm', 'ndb'],
] as const)
  test(`rpm's database in ${directory}, ${backend}`, withRpm, async () => {
    const { packages, unread } = await packagesIn(rootWith(directory, backend));
    assert.deepEqual(unread, []);
    assert.deepEqual(
      packages.map(({ purl }) => purl),
      purls,
    );
    assert.equal(packages[0]?.license, 'MIT AND Zlib');
  });

const keyOf = (value: number) => Buffer.from([value, 0, 0, 0]).toString('hex');

/** What rpm no longer writes itself: the same headers in a hash of Berkeley DB. */
function berkeleyRoot(): string {
  const root = rootWith('var/lib/rpm', 'sqlite');
  const directory = join(root, 'var/lib/rpm');
  using database = new DatabaseSync(join(directory, 'rpmdb.sqlite'));
  const rows = database.prepare('SELECT hnum, lower(hex(blob)) AS text FROM Packages').all();
  // The counter comes first; then one that is inline, and one that needs several pages.
  const lines = rows.flatMap(({ hnum, text }) => [keyOf(Number(hnum)), String(text)]);
  const padding = Buffer.alloc(9000).toString('hex');
  const records = [keyOf(0), keyOf(rows.length), ...lines.slice(0, -1), `${lines.at(-1)}${padding}`];
  const dump = ['VERSION=3', 'format=bytevalue', 'type=hash', 'db_pagesize=4096', 'HEADER=END'];
  const input = [...dump, ...records.map((record) => ` ${record}`), 'DATA=END', ''].join('\n');
  const { status, stderr } = spawnSync('db5.3_load', [join(directory, 'Packages')], {
    input,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  rmSync(join(directory, 'rpmdb.sqlite'));
  return root;
}

test("rpm's database in Berkeley DB, values in pages and out of them", withRpm, async () => {
  const { packages, unread } = await packagesIn(berkeleyRoot());
  assert.deepEqual(unread, []);
  assert.deepEqual(
    packages.map(({ purl }) => purl),
    purls,
  );
});

test('databases that end early, at every length', withRpm, async () => {
  for (const [backend, name] of [
    ['sqlite', 'rpmdb.sqlite'],
    ['ndb', 'Packages.db'],
    ['berkeley', 'Packages'],
  ] as const) {
    const root = backend === 'berkeley' ? berkeleyRoot() : rootWith('var/lib/rpm', backend);
    const path = join(root, 'var/lib/rpm', name);
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 40)) {
      writeFileSync(path, whole.subarray(0, length));
      const { packages, unread } = await packagesIn(root);
      assert.ok(packages.length < 2 || unread.length === 0, `${name} of ${length} bytes`);
    }
  }
});

test('databases that lead in circles', async () => {
  const root = mkdtempSync(join(scratch, 'root-'));
  const directory = join(root, 'var/lib/rpm');
  mkdirSync(directory, { recursive: true });
  // Slots that all have the same header.
  const ndb = Buffer.alloc(4096 + 1024);
  ndb.write('RpmP');
  ndb.writeUInt32LE(1, 12);
  for (let at = 32; at < 4096; at += 16) {
    ndb.write('Slot', at);
    ndb.writeUInt32LE(1, at + 4);
    ndb.writeUInt32LE(4096 / 16, at + 8);
  }
  ndb.write('BlbS', 4096);
  ndb.writeUInt32LE(1, 4096 + 4);
  ndb.writeUInt32LE(1000, 4096 + 12);
  // A page of overflow that is followed by itself.
  const berkeley = Buffer.alloc(3 * 512);
  berkeley.writeUInt32LE(0x06_15_61, 12);
  berkeley.writeUInt32LE(512, 20);
  berkeley.writeUInt16LE(2, 512 + 20);
  berkeley[512 + 25] = 13;
  berkeley.writeUInt16LE(500, 512 + 26);
  berkeley.writeUInt16LE(480, 512 + 28);
  berkeley[512 + 480] = 3;
  berkeley.writeUInt32LE(2, 512 + 484);
  berkeley.writeUInt32LE(60 << 20, 512 + 488);
  berkeley.writeUInt32LE(2, 1024 + 16);
  berkeley.writeUInt16LE(1, 1024 + 22);
  berkeley[1024 + 25] = 7;
  writeFileSync(join(directory, 'Packages.db'), ndb);
  writeFileSync(join(directory, 'Packages'), berkeley);
  const { unread } = await packagesIn(root);
  assert.deepEqual(unread.toSorted(), [
    '/var/lib/rpm/Packages.db: the database has the same headers again and again',
    '/var/lib/rpm/Packages: the database is damaged',
  ]);
});

test('databases that would compute, and changes that are only in a log', async () => {
  const root = mkdtempSync(join(scratch, 'root-'));
  const directory = join(root, 'var/lib/rpm');
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'rpmdb.sqlite');
  const endless = 'WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x FROM t) SELECT x AS blob FROM t';
  for (const schema of [
    `CREATE VIEW Packages AS ${endless}`,
    'CREATE TABLE Packages(x, blob GENERATED ALWAYS AS (zeroblob(1000000000)) VIRTUAL)',
    'CREATE VIRTUAL TABLE Packages USING fts5(blob)',
    'CREATE TABLE Other(blob)',
  ]) {
    rmSync(path, { force: true });
    using database = new DatabaseSync(path);
    database.exec(schema);
    database.close();
    assert.deepEqual((await packagesIn(root)).unread, [
      '/var/lib/rpm/rpmdb.sqlite: it has no plain table of packages',
    ]);
  }
  writeFileSync(`${path}-wal`, 'x');
  const { unread } = await packagesIn(root);
  assert.match(unread.join(), /there are changes that are not in the database yet/);
});

function header(count: number, dataBytes: number, ...entry: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 + entry.length * 4 + 4);
  [count, dataBytes, ...entry].forEach((value, index) => bytes.writeUInt32BE(value, index * 4));
  return bytes;
}

test('headers that point out of themselves', () => {
  const NAME = 1000;
  assert.equal(parseRpmHeader(header(1, 4, NAME, 6, 0, 1)).name, '');
  const lies = [
    Buffer.alloc(3),
    header(0xffff_ffff, 0),
    header(1, 5, NAME, 6, 0, 1),
    header(1, 4, NAME, 6, 4, 1),
    header(1, 4, NAME, 6, 0xffff_ffff, 1),
    header(1, 4, 1003, 4, 1, 1),
  ];
  for (const lie of lies) assert.throws(() => parseRpmHeader(lie), { code: 'invalid', message: /damaged/ });
});
