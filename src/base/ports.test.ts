import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHostPorts, parsePort } from './ports.ts';

describe('ports', () => {
  it('read with and without protocol', () => {
    assert.deepEqual(parsePort('80'), { port: 80, protocol: 'tcp' });
    assert.deepEqual(parsePort('53/UDP'), { port: 53, protocol: 'udp' });
    for (const text of ['', 'x', '80-81', '70000', '80/foo', '1/tcp/x', '/tcp', '-1'])
      assert.throws(() => parsePort(text), text);
    assert.equal(parseHostPorts(''), undefined);
    assert.deepEqual(parseHostPorts('8000-8010'), { first: 8000, last: 8010 });
    assert.throws(() => parseHostPorts('9-8'), /invalid port specification: "9-8"/);
  });
});
