import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import {
  entryRow,
  type ListingMarks,
  rowEntry,
  type WireEntry,
  type WireFileQuery,
} from '#wire/build-session.ts';
import { listFiles } from './list-files.ts';
import { ownHash } from './listing-mark.ts';
import { readXattrs } from './xattrs.ts';

const hash = ownHash();

function entriesOf(root: string, query: WireFileQuery): readonly WireEntry[] {
  const entries: WireEntry[] = [];
  listFiles(root, query, { readXattrs, hash, tell: (entry) => void entries.push(entry) });
  return entries;
}

class Tree implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'caisson-list-'));

  constructor(files: readonly string[], links: Readonly<Record<string, string>> = {}) {
    for (const path of files) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      writeFileSync(join(this.root, path), path);
    }
    for (const [path, target] of Object.entries(links)) symlinkSync(target, join(this.root, path));
  }

  paths(query: Partial<WireFileQuery>): readonly string[] {
    const all = { directory: '', followPaths: [], includePatterns: [], excludePatterns: [] };
    return entriesOf(this.root, { ...all, ...query }).map(({ path }) => path);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

test('everything, parents first', () => {
  using tree = new Tree(['b', 'a/y', 'a/x/z', 'Z'], { link: 'a' });
  assert.deepEqual(tree.paths({}), ['Z', 'a', 'a/x', 'a/x/z', 'a/y', 'b', 'link']);
});

test('only what paths lead to: links, wildcards, what is not there', () => {
  using tree = new Tree(['a/one', 'a/two', 'b/deep/three', 'c/four.txt', 'c/five.md', 'd'], {
    way: 'b/deep',
    loop: 'loop',
    out: '../../../etc/hostname',
    'c/up': '../a/one',
  });
  const cases: readonly (readonly [follow: readonly string[], expected: readonly string[]])[] = [
    [['a'], ['a', 'a/one', 'a/two']],
    [['/a/one'], ['a', 'a/one']],
    [['way'], ['b', 'b/deep', 'b/deep/three', 'way']],
    [['way/three'], ['b', 'b/deep', 'b/deep/three', 'way']],
    [['c/*.txt'], ['c', 'c/four.txt']],
    [
      ['?'],
      ['a', 'a/one', 'a/two', 'b', 'b/deep', 'b/deep/three', 'c', 'c/five.md', 'c/four.txt', 'c/up', 'd'],
    ],
    [['c/up'], ['a', 'a/one', 'c', 'c/up']],
    [['b/**/three'], ['b', 'b/deep', 'b/deep/three']],
    [['loop'], ['loop']],
    [['out'], ['out']],
    [['none', 'd/../d'], ['d']],
    [['.'], []],
  ];
  for (const [followPaths, expected] of cases) {
    const paths = tree.paths({ followPaths });
    if (followPaths[0] === '.') assert.equal(paths.length, tree.paths({}).length);
    else assert.deepEqual(paths, expected, followPaths.join(' '));
  }
});

test('what is excluded, and what exceptions bring back', () => {
  using tree = new Tree(['a/keep/x', 'a/drop/y', 'b/z', 'keep.log', 'other.log']);
  assert.deepEqual(tree.paths({ excludePatterns: ['a', '!a/keep', '*.log', '!keep.log'] }), [
    'a',
    'a/keep',
    'a/keep/x',
    'b',
    'b/z',
    'keep.log',
  ]);
  assert.deepEqual(tree.paths({ excludePatterns: ['*'] }), []);
  assert.deepEqual(tree.paths({ excludePatterns: ['b'], followPaths: ['b', 'a/drop'] }), [
    'a',
    'a/drop',
    'a/drop/y',
  ]);
});

test('hard links and pipes; what cannot be read', () => {
  using tree = new Tree(['one']);
  linkSync(join(tree.root, 'one'), join(tree.root, 'two'));
  execFileSync('mkfifo', [join(tree.root, 'pipe')]);
  const all = { directory: '', followPaths: [], includePatterns: [], excludePatterns: [] };
  const entries = entriesOf(tree.root, all);
  assert.deepEqual(
    entries.map(({ path, linkName, sizeBytes }) => [path, linkName, sizeBytes]),
    [
      ['one', '', 3],
      ['pipe', '', 0],
      ['two', 'one', 0],
    ],
  );
  for (const entry of entries) assert.deepEqual(rowEntry(JSON.parse(JSON.stringify(entryRow(entry)))), entry);
  assert.throws(() => entriesOf(join(tree.root, 'nowhere'), all), { code: 'invalid' });
});

test('names that are no text, and attributes, are told byte for byte', () => {
  using tree = new Tree(['plain']);
  const setXattrs = `
import os, sys
os.chdir(sys.argv[1])
open(b'caf\\xe9', 'w').close()
os.mkdir(b'\\xff')
os.symlink(b'\\xfe', b'\\xff/l')
for name, value in (('user.note', b'\\x00\\xff'), ('user.empty', b''), ('security.other', b'x'), ('trusted.overlay.x', b'x')):
    os.setxattr('plain', name, value)
os.setxattr(b'caf\\xe9', 'user.note', b'other')`;
  execFileSync('python3', ['-c', setXattrs, tree.root]);
  const all = { directory: '', followPaths: [], includePatterns: [], excludePatterns: [] };
  const entries = entriesOf(tree.root, all);
  const told = entries.map((entry) => rowEntry(JSON.parse(JSON.stringify(entryRow(entry)))));
  assert.deepEqual(told, entries);
  assert.deepEqual(
    told.map(({ path, linkName, xattrs }) => [path, linkName, xattrs]),
    [
      ['caf\udce9', '', { 'user.note': Buffer.from('other') }],
      ['plain', '', { 'user.empty': Buffer.alloc(0), 'user.note': Buffer.from([0, 255]) }],
      ['\udcff', '', {}],
      ['\udcff/l', '\udcfe', {}],
    ],
  );
  assert.deepEqual(tree.paths({ followPaths: ['caf?'] }), ['caf\udce9']);
  assert.deepEqual(tree.paths({ excludePatterns: ['caf?', '?/l'] }), ['plain', '\udcff']);
});

test('attributes are looked for again only where something has changed', async () => {
  using tree = new Tree(['a/one', 'a/two', 'b/three', 'ignored', 'c/four']);
  linkSync(join(tree.root, 'b/three'), join(tree.root, 'c/twin'));
  const all = { directory: '', followPaths: [], includePatterns: [], excludePatterns: ['ignored'] };
  const looked: string[] = [];
  const list = (marks: ListingMarks, nowMs: number, query: Partial<WireFileQuery> = {}) => {
    looked.length = 0;
    const look = (path: string) => {
      looked.push(path.slice(tree.root.length + 1));
      return readXattrs(path);
    };
    return listFiles(
      tree.root,
      { ...all, ...query, marks },
      { readXattrs: look, hash, tell: () => undefined, nowMs },
    );
  };
  const { ctimeMs } = statSync(join(tree.root, 'b/three'));
  assert.deepEqual(list({}, ctimeMs), {}, 'what has just been made may change within the same moment');
  const later = ctimeMs + 3_600_000;
  const marks = list({}, later);
  assert.deepEqual(
    Object.keys(marks).toSorted(),
    ['', 'a', 'b'],
    'not where a file has another name elsewhere',
  );
  assert.deepEqual(list(marks, later), marks);
  assert.deepEqual(looked, ['c/four']);
  execFileSync('python3', ['-c', `import os; os.setxattr('${tree.root}/a/two', 'user.n', b'v')`]);
  assert.deepEqual(Object.keys(list(marks, later)).toSorted(), ['', 'b']);
  assert.deepEqual(looked, ['a/one', 'a/two', 'c/four']);
  list(marks, later, { excludePatterns: [] });
  assert.ok(looked.includes('ignored'), 'what was left out before is looked at');
});
