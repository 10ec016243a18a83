import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IpAddress, parseIp } from '#base/ip-address.ts';
import { parseInterfaceAddress, parsePrefix, subnetOf } from '#base/ip-prefix.ts';
import { AddressPool } from './address-pool.ts';

function poolOf(text: string): AddressPool {
  const gateway = parseInterfaceAddress(text);
  return new AddressPool(subnetOf(gateway), [gateway.address]);
}

const take = (pool: AddressPool): string => pool.allocate();

test('the first container gets the address after the gateway', () => {
  const pool = poolOf('172.17.0.1/16');
  assert.deepEqual([take(pool), take(pool)], ['172.17.0.2', '172.17.0.3']);
});

test('the lowest free address is the next, and one whose interface may still answer is the last', () => {
  const pool = poolOf('10.0.0.1/29');
  assert.deepEqual([take(pool), take(pool), take(pool)], ['10.0.0.2', '10.0.0.3', '10.0.0.4']);
  pool.release(parseIp('10.0.0.3'));
  pool.release(parseIp('10.0.0.2'), { rests: true });
  assert.deepEqual([take(pool), take(pool), take(pool)], ['10.0.0.3', '10.0.0.5', '10.0.0.6']);
  assert.equal(take(pool), '10.0.0.2');
  pool.release(parseIp('10.0.0.2'), { rests: true });
  pool.claim(parseIp('10.0.0.2'));
  pool.release(parseIp('10.0.0.2'), { rests: true });
  pool.wake(parseIp('10.0.0.2'));
  pool.release(parseIp('10.0.0.4'));
  assert.deepEqual([take(pool), take(pool)], ['10.0.0.2', '10.0.0.4']);
});

test('network, broadcast and gateway are never handed out, and the end is an error', () => {
  const pool = poolOf('10.0.0.2/29');
  const all = Array.from({ length: 5 }, () => take(pool));
  assert.deepEqual(all, ['10.0.0.1', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
  assert.throws(() => pool.allocate(), { code: 'exhausted' });
});

test('one certain address', () => {
  const pool = poolOf('10.0.0.1/24');
  pool.claim(parseIp('10.0.0.9'));
  assert.equal(take(pool), '10.0.0.2');
  assert.throws(() => pool.claim(parseIp('10.0.0.9')), {
    code: 'conflict',
    reason: 'address-in-use',
  });
  assert.throws(() => pool.claim(parseIp('10.0.0.1')), { code: 'conflict' });
  assert.throws(() => pool.claim(parseIp('10.0.1.1')), { code: 'invalid' });
  pool.release(parseIp('10.0.0.9'));
  pool.claim(parseIp('10.0.0.9'));
});

test('never the same address twice while both are in use', () => {
  const pool = poolOf('10.0.0.1/24');
  const used = new Set<IpAddress>();
  for (let round = 0; round < 5000; round++) {
    if (used.size > 200) {
      const [oldest] = used;
      assert.ok(oldest);
      used.delete(oldest);
      pool.release(oldest);
    }
    const address = pool.allocate();
    assert.ok(!used.has(address));
    used.add(address);
  }
});

test('a range within the subnet is where addresses come from; others may be claimed', () => {
  const pool = new AddressPool(
    parsePrefix('10.0.0.0/24'),
    [parseIp('10.0.0.129')],
    parsePrefix('10.0.0.128/30'),
  );
  assert.deepEqual([take(pool), take(pool), take(pool)], ['10.0.0.128', '10.0.0.130', '10.0.0.131']);
  assert.throws(() => pool.allocate(), { code: 'exhausted' });
  pool.claim(parseIp('10.0.0.7'));
  assert.throws(() => pool.claim(parseIp('10.0.0.255')), { code: 'conflict' });
});

test('IPv6', () => {
  const pool = poolOf('fd00::1/64');
  assert.deepEqual([take(pool), take(pool)], ['fd00::2', 'fd00::3']);
  pool.claim(parseIp('fd00::4'));
  assert.equal(take(pool), 'fd00::5');
  pool.release(parseIp('10.0.0.1'));
  assert.throws(() => pool.claim(parseIp('fd01::2')), { code: 'invalid' });
});
