import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCache } from './caches.ts';
import { attestations, type OutputFlags, wantedOutputs } from './outputs.ts';

const none = { load: false, push: false };

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
  assert.deepEqual(types({ output: [], load: false, push: false }), []);
  assert.deepEqual(types({ output: [], load: true, push: false }), [['image', undefined]]);
  assert.deepEqual(types({ output: [], load: false, push: true }), [['image', 'true']]);
  assert.deepEqual(types({ output: ['out'], load: true, push: true }), [
    ['local', undefined],
    ['image', 'true'],
  ]);
});

test('caches and attestations', () => {
  assert.deepEqual(parseCache('user/app:cache'), { type: 'registry', attributes: { ref: 'user/app:cache' } });
  assert.deepEqual(parseCache('type=local,src=d'), { type: 'local', attributes: { src: 'd' } });
  const flags = { attest: ['type=sbom,generator=g'], provenance: 'mode=max', sbom: '' };
  assert.deepEqual(attestations(flags), { sbom: { generator: 'g' }, provenance: { mode: 'max' } });
  assert.deepEqual(attestations({ attest: [], provenance: 'false', sbom: 'true' }), { sbom: {} });
  assert.throws(() => attestations({ attest: ['type=other'], provenance: '', sbom: '' }));
});
