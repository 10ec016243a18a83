import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHttpUrl, parseGitUrl } from './git-url.ts';

test('what is a repository', () => {
  const plain = { ref: '', directory: '' };
  assert.deepEqual(parseGitUrl('https://host/a/b.git'), { url: 'https://host/a/b.git', ...plain });
  assert.deepEqual(parseGitUrl('git@host:a/b'), { url: 'git@host:a/b', ...plain });
  assert.deepEqual(parseGitUrl('github.com/a/b'), { url: 'https://github.com/a/b', ...plain });
  assert.deepEqual(parseGitUrl('git://host/a'), { url: 'git://host/a', ...plain });
  for (const text of ['https://host/a.tar', 'file:///a.git', '/a/b.git', './a.git', 'a', 'ext::sh -c x'])
    assert.equal(parseGitUrl(text), undefined, text);
  assert.equal(isHttpUrl('https://host/a.tar'), true);
  assert.equal(isHttpUrl('https://host/a.git#x'), false);
});

test('reference and directory', () => {
  assert.deepEqual(parseGitUrl('https://host/b.git#v1:sub/dir/'), {
    url: 'https://host/b.git',
    ref: 'v1',
    directory: 'sub/dir',
  });
  assert.deepEqual(parseGitUrl('https://host/b.git?branch=x&subdir=d&keep-git-dir=true'), {
    url: 'https://host/b.git',
    ref: 'refs/heads/x',
    directory: 'd',
    keepGitDirectory: true,
  });
  assert.deepEqual(parseGitUrl('git@host:a/b.git?subdir=/d#v1'), {
    url: 'git@host:a/b.git',
    ref: 'v1',
    directory: 'd',
  });
  assert.deepEqual(parseGitUrl('github.com/a/b?tag=v1&submodules=0&mtime=commit'), {
    url: 'https://github.com/a/b',
    ref: 'refs/tags/v1',
    directory: '',
    withoutSubmodules: true,
    hasCommitTime: true,
  });
  assert.deepEqual(parseGitUrl('https://host/b.git?fetch-by-commit&checksum=abc#refs/heads/x'), {
    url: 'https://host/b.git',
    ref: 'refs/heads/x',
    directory: '',
    checksum: 'abc',
    isByChecksum: true,
  });
  for (const query of [
    'ref=a#b',
    'ref=a&tag=b',
    'tag=a&branch=a',
    'subdir=a#:b',
    'mtime=x',
    'submodules=x',
    'tag=',
    'tag=a&tag=b',
  ])
    assert.throws(() => parseGitUrl(`https://host/b.git?${query}`), { code: 'invalid' }, query);
  assert.throws(() => parseGitUrl('https://host/b.git#:../..'), { code: 'invalid' });
  assert.throws(() => parseGitUrl('https://host/b.git?what=x'), { code: 'invalid' });
});
