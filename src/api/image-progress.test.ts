import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDigest } from '#oci/digest.ts';
import { progressBar, progressMessages } from './image-progress.ts';

const layer = parseDigest(`sha256:${'0123456789abcdef'.repeat(4)}`);
const id = '0123456789ab';

test('a pull, a push and a load are told as Docker tells them', () => {
  const told = [
    { kind: 'pulling', path: 'library/a', target: '1' },
    { kind: 'layer', layer, step: 'queued' },
    { kind: 'layer-bytes', layer, step: 'downloading', doneBytes: 1000, totalBytes: 4000 },
    { kind: 'layer', layer, step: 'completed' },
    { kind: 'resolved', digest: layer },
    { kind: 'pulled', name: 'a:1', isNew: true },
    { kind: 'pulled', name: 'a:1', isNew: false },
    { kind: 'pushing', repository: 'docker.io/library/a' },
    { kind: 'layer-mounted', layer, from: 'library/b' },
    { kind: 'pushed-tag', tag: '1', digest: layer, sizeBytes: 7 },
    { kind: 'arrived', file: layer.slice(7), sizeBytes: 7 },
    { kind: 'renamed', name: 'a:1', previous: layer },
    { kind: 'loaded', id: layer, names: ['a:1', 'b:2'] },
    { kind: 'loaded', id: layer, names: [] },
  ] as const;
  assert.deepEqual(told.flatMap(progressMessages), [
    { status: 'Pulling from library/a', id: '1' },
    { status: 'Pulling fs layer', progressDetail: {}, id },
    {
      status: 'Downloading',
      progressDetail: { current: 1000, total: 4000 },
      progress: `[${'='.repeat(12)}>${' '.repeat(38)}]      1kB/4kB`,
      id,
    },
    { status: 'Pull complete', progressDetail: {}, id },
    { status: `Digest: ${layer}` },
    { status: 'Status: Downloaded newer image for a:1' },
    { status: 'Status: Image is up to date for a:1' },
    { status: 'The push refers to repository [docker.io/library/a]' },
    { status: 'Mounted from library/b', progressDetail: {}, id },
    { status: `1: digest: ${layer} size: 7` },
    { progressDetail: {}, aux: { Tag: '1', Digest: layer, Size: 7 } },
    { status: 'Loading layer', id, progressDetail: { current: 7, total: 7 } },
    {
      stream: `The image a:1 already exists, renaming the old one with ID ${layer} to empty string\n`,
    },
    { stream: 'Loaded image: a:1\n' },
    { stream: 'Loaded image: b:2\n' },
    { stream: `Loaded image ID: ${layer}\n` },
  ]);
});

test('the bar is full at the end, and absent where the end is not known', () => {
  assert.equal(progressBar(42_500, 2_025_000), `[=>${' '.repeat(49)}]   42.5kB/2.025MB`);
  assert.equal(progressBar(5, 5), `[${'='.repeat(50)}>]       5B`);
  assert.equal(progressBar(1_500_000, 0), '   1.5MB');
});
