import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exposedPorts } from './expose-ports.ts';

test('ports as the image config holds them', () => {
  assert.deepEqual(exposedPorts(['80', '53/UDP', '8000-8002/tcp', '9/', '1.2.3.4:80:90/sctp', '7-7']), [
    '80/tcp',
    '53/udp',
    '8000/tcp',
    '8001/tcp',
    '8002/tcp',
    '9/tcp',
    '90/sctp',
    '7/tcp',
  ]);
  for (const port of ['', 'x', '65536', '2-1', '1-2-3', '80/x', '/tcp', '80/tcp/udp', '$P'])
    assert.throws(() => exposedPorts([port]), { code: 'invalid' }, port);
});
