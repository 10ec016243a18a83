import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseContainerPort } from './port-spec.ts';

test('container ports', () => {
  assert.deepEqual(parseContainerPort('80'), { port: 80, protocol: 'tcp' });
  assert.deepEqual(parseContainerPort('53/udp'), { port: 53, protocol: 'udp' });
  for (const text of ['x/tcp', '80/foo', '70000/tcp', '80-82/tcp', '/tcp', '-1']) {
    assert.throws(() => parseContainerPort(text), { code: 'invalid' }, text);
  }
});
