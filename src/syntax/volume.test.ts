import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMountOptions, parseVolumeText } from './volume.ts';

test('a source, a target and options', () => {
  const plain = { options: '', readOnly: false, noCopy: false };
  assert.deepEqual(parseVolumeText('/data'), { target: '/data', ...plain });
  assert.deepEqual(parseVolumeText('vol:/data'), { source: 'vol', target: '/data', ...plain });
  assert.deepEqual(parseVolumeText('/a:/b:ro,rshared,z'), {
    source: '/a',
    target: '/b',
    options: 'ro,rshared,z',
    readOnly: true,
    noCopy: false,
    propagation: 'rshared',
  });
  assert.ok(parseVolumeText('vol:/b:nocopy').noCopy);
});

test('what cannot be meant is refused', () => {
  for (const text of ['', ':/b', 'vol:', '/a:/b:ro:x', '/a:ro'])
    assert.throws(() => parseVolumeText(text), { message: `invalid volume specification: '${text}'` });
  assert.throws(() => parseVolumeText('/a:/b:x'), { code: 'invalid', message: 'invalid mode: x' });
  assert.ok(isMountOptions('') && isMountOptions('ro,Z,slave'));
  for (const options of ['ro,rw', 'z,Z', 'private,shared', 'ro,', 'x'])
    assert.ok(!isMountOptions(options), options);
});
