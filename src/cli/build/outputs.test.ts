import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCache } from './caches.ts';
import { attestations, type OutputFlags, wantedOutputs } from './outputs.ts';

const none = { load: false, push: false, annotation: [] };

test('outputs: where they go, and as what', () => {
  const cases: readonly (readonly [text: string, type: string, destination: string])[] = [
    ['out', 'local', 'out'],
    ['-', 'tar', '-'],
    ['type=local,dest=a b', 'local', 'a b'],
    ['type=tar', 'tar', '-'],
    ['type=oci,dest=x.tar', 'oci', 'x.tar'],
    ['type=docker', 'image', ''],
    ['type=docker,dest=-', 'docker', '-'],
    ['type=registry', 'registry', ''],
    ['type=cacheonly', 'cacheonly', ''],
  ];
  for (const [text, type, destination] of cases) {
    const [output] = wantedOutputs({ ...none, output: [text] });
    assert.deepEqual([output?.request.type, output?.destination], [type, destination], text);
  }
  const [quoted] = wantedOutputs({ ...none, output: ['type=image,"annotation.x=a,b",push=true'] });
  assert.deepEqual(quoted?.request.attributes, { 'annotation.x': 'a,b', push: 'true' });
  for (const text of ['type=local', 'dest=x', 'type=local,dest=-', '=x'])
    assert.throws(() => wantedOutputs({ ...none, output: [text] }), Error, text);
});

function types(flags: OutputFlags): readonly unknown[] {
  return wantedOutputs(flags).map(({ request: { type, attributes } }) => [type, attributes['push']]);
}

test('--load and --push', () => {
  assert.deepEqual(types({ ...none, output: [] }), []);
  assert.deepEqual(types({ ...none, output: [], load: true }), [['image', undefined]]);
  assert.deepEqual(types({ ...none, output: [], push: true }), [['image', 'true']]);
  assert.deepEqual(types({ ...none, output: ['out'], load: true, push: true }), [
    ['local', undefined],
    ['image', 'true'],
  ]);
});

test('annotations go into images, at their places', () => {
  const annotation = ['a=1', 'index,manifest[linux/amd64]:b=x=y', 'urn:c=', 'manifest:d:e=2'];
  const [image, ...others] = wantedOutputs({ ...none, output: [], annotation });
  assert.deepEqual(others, []);
  assert.deepEqual(image?.request.attributes, {
    'annotation.a': '1',
    'annotation-index.b': 'x=y',
    'annotation-manifest[linux/amd64].b': 'x=y',
    'annotation-urn.c': '',
    'annotation-manifest.d:e': '2',
  });
  const both = wantedOutputs({ ...none, output: ['out', 'type=oci,dest=x'], annotation: ['a=1'] });
  assert.deepEqual(
    both.map(({ request }) => request.attributes),
    [{}, { 'annotation.a': '1' }],
  );
  for (const text of ['a', '=b', 'index:=b', 'a b=c'])
    assert.throws(
      () => wantedOutputs({ ...none, output: [], annotation: [text] }),
      /invalid annotation/,
      text,
    );
});

test('caches and attestations', () => {
  assert.deepEqual(parseCache('user/app:cache'), { type: 'registry', attributes: { ref: 'user/app:cache' } });
  assert.deepEqual(parseCache('type=local,src=d'), { type: 'local', attributes: { src: 'd' } });
  const flags = { attest: ['type=sbom,generator=g'], provenance: 'mode=max', sbom: '' };
  assert.deepEqual(attestations(flags), { sbom: { generator: 'g' }, provenance: { mode: 'max' } });
  assert.deepEqual(attestations({ attest: [], provenance: 'false', sbom: 'true' }), { sbom: {} });
  assert.throws(() => attestations({ attest: ['type=other'], provenance: '', sbom: '' }));
});
