import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { regularFile } from './tree-entry.fixture.ts';
import { findPackages } from './find-packages.ts';
import { goPackages } from './go.ts';
import { openLocalTree } from './local-tree.ts';
import type { PackageTree } from './sbom.ts';

/** A Go program that npm has installed: TypeScript's compiler. */
function compiler(): string {
  const directory = join(import.meta.dirname, '../../node_modules/@typescript');
  const [name = ''] = readdirSync(directory).filter((each) => each.startsWith('typescript-linux-'));
  return join(directory, name, 'lib/tsc');
}

test("Go's programs: the library of the compiler's version, the module and what it needs", async () => {
  const path = compiler();
  const tree = openLocalTree({
    async *entries() {
      yield regularFile('usr/bin/tsc', statSync(path).size, 0o755);
      yield regularFile('usr/share/tsc', statSync(path).size, 0o644);
    },
    placeOf: ({ path: name }) => Buffer.from(name === 'usr/bin/tsc' ? path : '/nowhere'),
  });
  const { packages, unread } = await findPackages(tree);
  assert.deepEqual(unread, []);
  const names = packages.map(({ name }) => name);
  assert.ok(names.includes('stdlib') && names.includes('golang.org/x/sys'), names.join());
  assert.ok(packages.some(({ purl }) => /^pkg:golang\/golang\.org\/x\/sys@v0\.[\d.]+$/.test(purl)));
  assert.ok(packages.every(({ source }) => source === '/usr/bin/tsc'));
});

const string = (text: string) => {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([Buffer.from([(bytes.length & 0x7f) | 0x80, bytes.length >> 7]), bytes]);
};
const SENTINEL = '\x01'.repeat(16);
const goSection = (modules: string) => {
  const header = Buffer.alloc(32);
  header.write('\xff Go buildinf:', 'latin1');
  header[15] = 2;
  return Buffer.concat([header, string('go1.22.3 X:a'), string(SENTINEL + modules + SENTINEL)]);
};

test('what stands in the place of a module is what is there; sections that end early', () => {
  const section = goSection(
    'path\texample.org/cmd\nmod\texample.org/cmd\t(devel)\t\ndep\ta.org/x\tv1.0.0\th1:\n=>\tb.org/y\tv2.0.0\th1:\n',
  );
  const purls = goPackages(section, '/x').map(({ purl }) => purl);
  assert.deepEqual(purls, [
    'pkg:golang/stdlib@1.22.3',
    'pkg:golang/example.org/cmd@(devel)',
    'pkg:golang/b.org/y@v2.0.0',
  ]);
  for (let length = 0; length < section.length; length++)
    assert.ok(goPackages(section.subarray(0, length), '/x').length <= 1);
});

/** An executable of one section beside that of names. */
function elf(name: string, contents: Buffer, change: (bytes: Buffer) => void = () => undefined): PackageTree {
  const bytes = Buffer.alloc(200_000);
  const namesAt = 100_000;
  const tableAt = 150_000;
  const names = Buffer.from(`\0${name}\0`);
  bytes.write('\x7fELF\x02\x01', 'latin1');
  bytes.writeBigUInt64LE(BigInt(tableAt), 40);
  bytes.writeUInt16LE(64, 58);
  bytes.writeUInt16LE(2, 60);
  names.copy(bytes, namesAt);
  contents.copy(bytes, 1000);
  const section = (index: number, nameAt: number, offset: number, size: number) => {
    bytes.writeUInt32LE(nameAt, tableAt + index * 64);
    bytes.writeBigUInt64LE(BigInt(offset), tableAt + index * 64 + 24);
    bytes.writeBigUInt64LE(BigInt(size), tableAt + index * 64 + 32);
  };
  section(0, 0, namesAt, names.length);
  section(1, 1, 1000, contents.length);
  change(bytes);
  return {
    async *entries() {
      yield regularFile('bin/program', bytes.length, 0o755);
    },
    open: async () => ({
      read: async (offset, length) => bytes.subarray(offset, offset + length),
      [Symbol.asyncDispose]: async () => undefined,
    }),
  };
}

test("Rust's programs with a list of crates; lists that are none, or too large", async () => {
  const list = { packages: [{ name: 'serde', version: '1.0.1', source: 'crates.io' }] };
  const { packages } = await findPackages(elf('.dep-v0', deflateSync(JSON.stringify(list))));
  assert.deepEqual(
    packages.map(({ purl }) => purl),
    ['pkg:cargo/serde@1.0.1'],
  );
  for (const contents of [Buffer.from('none'), deflateSync('[]'), deflateSync(Buffer.alloc(9 << 20))]) {
    const { unread } = await findPackages(elf('.dep-v0', contents));
    assert.match(unread.join(), /^\/bin\/program: its list of crates is damaged: /);
  }
});

test('executables whose tables are lies say nothing', async () => {
  const lies: readonly ((bytes: Buffer) => void)[] = [
    (bytes) => bytes.writeBigUInt64LE(2n ** 64n - 1n, 40),
    (bytes) => bytes.writeUInt16LE(0xffff, 58),
    (bytes) => bytes.writeUInt16LE(9, 62),
    (bytes) => bytes.writeUInt16LE(1, 58),
    (bytes) => bytes.writeBigUInt64LE(2n ** 63n, 150_000 + 24),
    (bytes) => bytes.writeBigUInt64LE(2n ** 63n, 150_000 + 64 + 32),
    (bytes) => bytes.writeUInt32LE(0xffff_ffff, 150_000 + 64),
    (bytes) => bytes.writeUInt8(1, 4),
  ];
  for (const lie of lies)
    assert.deepEqual(await findPackages(elf('.go.buildinfo', goSection(''), lie)), {
      packages: [],
      unread: [],
    });
});
