import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { entryRow, rowEntry, type WireFileQuery } from '#wire/build-session.ts';
import { listFiles } from './list-files.ts';

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
    return listFiles(this.root, { ...all, ...query }).map(({ path }) => path);
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

test('hard links, sockets, and names that are no text', () => {
  using tree = new Tree(['one']);
  linkSync(join(tree.root, 'one'), join(tree.root, 'two'));
  execFileSync('mkfifo', [join(tree.root, 'pipe')]);
  const all = { directory: '', followPaths: [], includePatterns: [], excludePatterns: [] };
  const entries = listFiles(tree.root, all);
  assert.deepEqual(
    entries.map(({ path, linkName, sizeBytes }) => [path, linkName, sizeBytes]),
    [
      ['one', '', 3],
      ['pipe', '', 0],
      ['two', 'one', 0],
    ],
  );
  for (const entry of entries) assert.deepEqual(rowEntry(JSON.parse(JSON.stringify(entryRow(entry)))), entry);
  writeFileSync(Buffer.concat([Buffer.from(`${tree.root}/bad`), Buffer.from([0xff])]), '');
  assert.throws(() => tree.paths({}), /its name is not UTF-8/);
  assert.throws(() => listFiles(join(tree.root, 'nowhere'), all), { code: 'invalid' });
});
