import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDigest } from '#oci/digest.ts';
import { layoutName } from '../bases/layout-image.ts';
import { materialsOf, type UsedImage } from './materials.ts';

const hex = (digit: string) => digit.repeat(64);
const digest = (digit: string) => parseDigest(`sha256:${hex(digit)}`);
const platform = { os: 'linux', architecture: 'amd64' };
const rootfs = { type: 'layers', diff_ids: [] } as const;
const record = {
  id: digest('a'),
  config: { architecture: 'amd64', os: 'linux', config: {}, rootfs, history: [] },
  layers: [],
};

const used = (name: string, digests: readonly string[] = []): UsedImage => ({
  name,
  platform,
  record,
  digests,
});

test('images by the digest that a registry knows, else by their own; layouts by theirs', () => {
  const layout = layoutName({ kind: 'oci-layout', directory: 'layout:base', digest: digest('c') });
  const images = [
    used('debian:trixie', [`other@sha256:${hex('d')}`, `debian@sha256:${hex('b')}`]),
    used('localhost:5000/own/app'),
    used(layout),
    used(hex('a')),
  ];
  assert.deepEqual(materialsOf(images, []), [
    { uri: 'oci-layout://layout:base', digest: { sha256: hex('c') } },
    { uri: 'pkg:docker/debian@trixie?platform=linux%2Famd64', digest: { sha256: hex('b') } },
    { uri: 'pkg:docker/localhost:5000/own/app@latest?platform=linux%2Famd64', digest: { sha256: hex('a') } },
    { uri: `pkg:docker/${record.id}`, digest: { sha256: hex('a') } },
  ]);
});

test('what was fetched, each once, without what lets one in', () => {
  const file = { url: 'https://me:secret@example.org/file', digest: { sha256: hex('e') } };
  const token = { url: 'https://token@example.org/repository.git#main', digest: {} };
  const ssh = { url: 'ssh://git@example.org/repository.git', digest: { sha1: 'abc' } };
  assert.deepEqual(materialsOf([], [file, file, token, ssh]), [
    { uri: 'https://xxxxx:xxxxx@example.org/file', digest: { sha256: hex('e') } },
    { uri: 'https://xxxxx@example.org/repository.git#main' },
    { uri: 'ssh://git@example.org/repository.git', digest: { sha1: 'abc' } },
  ]);
});
