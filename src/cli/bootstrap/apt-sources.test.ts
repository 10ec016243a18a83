import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDeb822, parseOneLine } from './apt-sources.ts';
import { mmdebstrapArguments } from './mmdebstrap.ts';

const DEB822 = `# comment
Types: deb
URIs: http://mirror/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/k.pgp

Types: deb-src
URIs: http://mirror/src
Suites: trixie

Types: deb
URIs: file:/local
Suites: ./
Trusted: yes
`;

test('both formats of sources.list are read', () => {
  const signedBy = '/usr/share/keyrings/k.pgp';
  assert.deepEqual(parseDeb822(DEB822), [
    { uri: 'http://mirror/debian', suites: ['trixie', 'trixie-updates'], components: ['main'], signedBy },
    { uri: 'file:/local', suites: ['./'], components: [], signedBy: undefined },
  ]);
  assert.deepEqual(
    parseOneLine('# x\ndeb [signed-by=/k] http://m trixie main contrib # why\ndeb-src http://m trixie main'),
    [{ uri: 'http://m', suites: ['trixie'], components: ['main', 'contrib'], signedBy: '/k' }],
  );
});

test('mmdebstrap takes the machine’s own archives for the suite', () => {
  const choice = {
    distribution: 'debian',
    suite: 'trixie',
    mirror: '',
    variant: 'minbase',
    include: ['curl'],
  };
  const words = mmdebstrapArguments(choice, parseDeb822(DEB822));
  assert.deepEqual(words.slice(-4), [
    'trixie',
    '-',
    'deb [signed-by=/usr/share/keyrings/k.pgp] http://mirror/debian trixie main',
    'deb [signed-by=/usr/share/keyrings/k.pgp] http://mirror/debian trixie-updates main',
  ]);
  assert.ok(words.includes('--include=curl'));
  assert.equal(mmdebstrapArguments({ ...choice, suite: 'bookworm' }, parseDeb822(DEB822)).at(-1), '-');
});
