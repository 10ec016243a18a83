import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  linkSync,
  openSync,
  writeSync,
  closeSync,
  readFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import type { TarEntry } from './tar-header.ts';
import { TarParser, type TarLimits } from './tar-reader.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from './tar-writer.ts';

interface Member {
  readonly entry: TarEntry;
  readonly data: Buffer;
}

/** Parses in chunks of `chunkBytes` and lays data out as the extracted file would be. */
function parse(archive: Buffer, chunkBytes: number, limits?: TarLimits): Member[] {
  const members: Member[] = [];
  const parser = new TarParser(limits);
  for (let at = 0; at < archive.length; at += chunkBytes) {
    parser.push(Buffer.from(archive.subarray(at, at + chunkBytes)));
    for (let event = parser.next(); event; event = parser.next()) {
      if (event.kind === 'entry') {
        const size = event.entry.realSizeBytes ?? event.entry.sizeBytes;
        members.push({ entry: event.entry, data: Buffer.alloc(size) });
      } else if (event.kind === 'data') event.data.copy(members.at(-1)!.data, event.offset);
    }
  }
  parser.finish();
  return members;
}

function assertInvalid(work: () => unknown, text: RegExp): void {
  assert.throws(work, (error) => isEngineError(error, 'invalid') && text.test(error.message));
}

function archiveOf(...members: readonly [Parameters<typeof encodeHeader>[0], Buffer?][]): Buffer {
  const parts = members.flatMap(([fields, data = Buffer.alloc(0)]) => [
    encodeHeader({ ...fields, sizeBytes: data.length }),
    data,
    paddingFor(data.length),
  ]);
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

function withFlag(archive: Buffer, flag: string): Buffer {
  archive.write(flag, 156, 'latin1');
  archive.fill(0x20, 148, 156);
  const sum = archive.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return archive;
}

function record(key: string, value: string): string {
  const body = ` ${key}=${value}\n`;
  return `${body.length + 2}${body}`;
}

function sparseArchive(map: string, storedBytes: number): Buffer {
  const data = Buffer.from(record('GNU.sparse.map', map) + record('GNU.sparse.realsize', '16'));
  const pax = withFlag(Buffer.from(encodeHeader({ path: 'p', type: 'file', sizeBytes: data.length })), 'x');
  const file = encodeHeader({ path: 'f', type: 'file', sizeBytes: storedBytes });
  return Buffer.concat([pax, data, paddingFor(data.length), file, Buffer.alloc(512), END_OF_ARCHIVE]);
}

function owned(uid: number): number | undefined {
  return parse(archiveOf([{ path: 'a', type: 'file', uid }]), 512)[0]?.entry.uid;
}

describe('TarParser on what GNU tar writes', () => {
  const longName = `${'d'.repeat(120)}/${'f'.repeat(140)}`;
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'caisson-tar-'));
    const root = join(directory, 'root');
    mkdirSync(join(root, 'sub'), { recursive: true });
    mkdirSync(join(root, 'd'.repeat(120)));
    writeFileSync(join(root, 'sub/hello'), 'hello world\n', { mode: 0o4755 });
    writeFileSync(join(root, longName), 'long');
    writeFileSync(join(root, 'ünï'), Buffer.alloc(1000, 'u'));
    linkSync(join(root, 'sub/hello'), join(root, 'zz-hard'));
    symlinkSync(`../${'t'.repeat(150)}`, join(root, 'soft'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
    execFileSync('mknod', [join(root, 'null'), 'c', '1', '3']);
    const sparse = openSync(join(root, 'sparse'), 'w');
    for (let index = 0; index < 40; index++)
      writeSync(sparse, Buffer.alloc(4096, 65 + index), 0, 4096, index * 65_536);
    closeSync(sparse);
    truncateSync(join(root, 'sparse'), 4_000_000);
  });
  after(() => rmSync(directory, { recursive: true }));

  function tar(...flags: readonly string[]): Buffer {
    return execFileSync('tar', ['-C', join(directory, 'root'), '--sort=name', ...flags, '-cf', '-', '.'], {
      maxBuffer: 1 << 26,
    });
  }

  const forms = {
    gnu: ['--format=gnu'],
    oldgnu: ['--format=oldgnu'],
    posix: ['--format=posix'],
    'gnu sparse': ['--format=gnu', '-S'],
    'pax sparse 0.0': ['--format=posix', '-S', '--sparse-version=0.0'],
    'pax sparse 0.1': ['--format=posix', '-S', '--sparse-version=0.1'],
    'pax sparse 1.0': ['--format=posix', '-S', '--sparse-version=1.0'],
  };
  for (const [name, flags] of Object.entries(forms))
    for (const chunkBytes of [61, 513, 1 << 20])
      it(`${name}, in chunks of ${chunkBytes}`, () => {
        const members = new Map(
          parse(tar(...flags), chunkBytes).map((member) => [member.entry.path, member]),
        );
        const hello = members.get('./sub/hello')!;
        assert.equal(hello.data.toString(), 'hello world\n');
        assert.equal(hello.entry.mode, 0o4755);
        assert.equal(members.get(`./${longName}`)?.data.toString(), 'long');
        assert.equal(members.get('./ünï')?.data.length, 1000);
        assert.equal(members.get('./zz-hard')?.entry.type, 'hardlink');
        assert.equal(members.get('./zz-hard')?.entry.linkName, './sub/hello');
        assert.equal(members.get('./soft')?.entry.linkName, `../${'t'.repeat(150)}`);
        assert.equal(members.get('./pipe')?.entry.type, 'fifo');
        const { type, deviceMajor, deviceMinor } = members.get('./null')!.entry;
        assert.deepEqual([type, deviceMajor, deviceMinor], ['character', 1, 3]);
        const sparse = members.get('./sparse')!;
        assert.deepEqual(sparse.data, readFileSync(join(directory, 'root/sparse')));
        assert.equal(sparse.entry.sparse !== undefined, flags.includes('-S'));
      });

  it('keeps nanoseconds and xattrs of PAX archives', () => {
    const file = join(directory, 'root/sub/hello');
    execFileSync('touch', ['-d', '2001-02-03 04:05:06.123456789 UTC', file]);
    execFileSync('python3', [
      '-c',
      `import os; os.setxattr(${JSON.stringify(file)}, 'user.k', b'a=b\\n\\x00c')`,
    ]);
    const members = parse(tar('--format=posix', '--xattrs'), 4096);
    const hello = members.find(({ entry }) => entry.path === './sub/hello')!.entry;
    assert.equal(hello.mtimeNs, 981_173_106_123_456_789n);
    assert.deepEqual(hello.xattrs.get('user.k'), Buffer.from('a=b\n\0c'));
  });
});

describe('TarParser on hostile archives', () => {
  const one = archiveOf([{ path: 'a', type: 'file' }, Buffer.from('data')]);

  it('refuses a wrong checksum', () => {
    const broken = Buffer.from(one);
    broken[0] = 0x62;
    assertInvalid(() => parse(broken, 512), /invalid tar header/);
  });

  it('refuses an archive that ends in a member', () => {
    assertInvalid(() => parse(one.subarray(0, 600), 512), /unexpected EOF/);
    assertInvalid(() => parse(one.subarray(0, 100), 512), /unexpected EOF/);
  });

  it('accepts an archive without its end mark', () => {
    assert.equal(parse(one.subarray(0, 1024), 512).length, 1);
  });

  it('refuses more members than allowed', () => {
    const two = archiveOf([{ path: 'a', type: 'file' }], [{ path: 'b', type: 'file' }]);
    assert.equal(parse(two, 512, { maximumEntries: 2 }).length, 2);
    assertInvalid(() => parse(two, 512, { maximumEntries: 1 }), /more than 1 members/);
  });

  it('refuses oversized extended headers', () => {
    const header = Buffer.from(encodeHeader({ path: 'x', type: 'file', sizeBytes: (1 << 20) + 1 }));
    assertInvalid(() => parse(withFlag(header, 'x'), 512), /extended header too large/);
    assertInvalid(() => parse(withFlag(header, 'L'), 512), /extended header too large/);
  });

  it('refuses names beyond PATH_MAX and names with NUL', () => {
    assertInvalid(() => parse(archiveOf([{ path: 'n'.repeat(4097), type: 'file' }]), 512), /name too long/);
    assertInvalid(() => parse(archiveOf([{ path: 'a\0b', type: 'file' }]), 512), /NUL/);
  });

  it('refuses sparse maps that overlap, leave the file or disagree with the data', () => {
    for (const map of ['0,4,2,4', '0,8,100,1', '0,3'])
      assertInvalid(() => parse(sparseArchive(map, 4), 512), /sparse map/);
    assert.equal(parse(sparseArchive('0,2,10,2', 4), 512)[0]?.data.length, 16);
  });

  it('refuses unknown member types', () => {
    assertInvalid(() => parse(withFlag(Buffer.from(one), 'Z'), 512), /unknown member type/);
  });
});

describe('encodeHeader', () => {
  const fields: Parameters<typeof encodeHeader>[0][] = [
    { path: 'plain', type: 'file', mode: 0o6711, uid: 1, gid: 2, mtimeNs: 5_000_000_000n },
    { path: `${'a/'.repeat(80)}name`, type: 'file' },
    { path: 'b'.repeat(200), type: 'directory' },
    { path: 'ünï', type: 'symlink', linkName: 'ö'.repeat(90) },
    { path: 'h', type: 'hardlink', linkName: 'plain' },
    { path: 'dev', type: 'block', deviceMajor: 259, deviceMinor: 70_000 },
    { path: 'big', type: 'fifo', uid: 4_000_000_000, gid: 3_000_000, mtimeNs: -1_500_000_000n },
    {
      path: 'x',
      type: 'file',
      mtimeNs: 1_700_000_000_123_000_000n,
      xattrs: new Map([['security.capability', Buffer.from([1, 0, 10])]]),
    },
  ];

  it('reads back as it was written', () => {
    const entries = parse(archiveOf(...fields.map((each): [typeof each] => [each])), 1 << 20).map(
      ({ entry }) => entry,
    );
    fields.forEach((each, index) => {
      const entry = entries[index]!;
      const expected = { ...each, path: each.type === 'directory' ? `${each.path}/` : each.path };
      assert.deepEqual({ ...entry, ...expected }, entry, each.path);
    });
  });

  it('takes owners that the kernel knows, and no others', () => {
    assert.equal(owned(2 ** 32 - 2), 2 ** 32 - 2);
    for (const uid of [2 ** 32 - 1, 2 ** 32, 2 ** 40])
      assertInvalid(() => owned(uid), /uid or gid is out of range/);
  });

  it('keeps names that are not UTF-8', () => {
    const pathBytes = Buffer.from([0x61, 0xff, 0x62]);
    const [member] = parse(archiveOf([{ path: '', pathBytes, type: 'file' }]), 512);
    assert.deepEqual(member?.entry.pathBytes, pathBytes);
  });

  it('is what GNU tar lists', () => {
    const archive = archiveOf(...fields.map((each): [typeof each] => [each]));
    const names = execFileSync('tar', ['--quoting-style=literal', '-tf', '-'], { input: archive })
      .toString()
      .split('\n');
    assert.equal(names.length, fields.length + 1);
    assert.equal(names[3], 'ünï');
  });

  it('gives a header larger than 8 GiB its size', () => {
    const sizeBytes = 2 ** 40;
    const parser = new TarParser();
    parser.push(encodeHeader({ path: 'huge', type: 'file', sizeBytes }));
    const event = parser.next();
    assert.equal(event?.kind === 'entry' && event.entry.sizeBytes, sizeBytes);
  });
});
