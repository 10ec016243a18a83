import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressPool } from './address-pool.ts';
import { formatIpv4, parseInterfaceAddress, parseIpv4 } from './ipv4.ts';

function poolOf(text: string): AddressPool {
  const { address, subnet } = parseInterfaceAddress(text);
  return new AddressPool(subnet, [address]);
}

const take = (pool: AddressPool) => formatIpv4(pool.allocate());

test('the first container gets the address after the gateway', () => {
  const pool = poolOf('172.17.0.1/16');
  assert.deepEqual([take(pool), take(pool)], ['172.17.0.2', '172.17.0.3']);
});

test('an address that was given back comes around last', () => {
  const pool = poolOf('10.0.0.1/29');
  assert.equal(take(pool), '10.0.0.2');
  pool.release(parseIpv4('10.0.0.2'));
  assert.deepEqual(
    [take(pool), take(pool), take(pool), take(pool)],
    ['10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6'],
  );
  assert.equal(take(pool), '10.0.0.2');
});

test('network, broadcast and gateway are never handed out, and the end is an error', () => {
  const pool = poolOf('10.0.0.2/29');
  const all = Array.from({ length: 5 }, () => take(pool));
  assert.deepEqual(all, ['10.0.0.1', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
  assert.throws(() => pool.allocate(), { code: 'exhausted' });
});

test('one certain address', () => {
  const pool = poolOf('10.0.0.1/24');
  pool.claim(parseIpv4('10.0.0.9'));
  assert.equal(take(pool), '10.0.0.10');
  assert.throws(() => pool.claim(parseIpv4('10.0.0.9')), {
    code: 'conflict',
    message: 'Address already in use',
  });
  assert.throws(() => pool.claim(parseIpv4('10.0.0.1')), { code: 'conflict' });
  assert.throws(() => pool.claim(parseIpv4('10.0.1.1')), { code: 'invalid' });
  pool.release(parseIpv4('10.0.0.9'));
  pool.claim(parseIpv4('10.0.0.9'));
});

test('never the same address twice while both are in use', () => {
  const pool = poolOf('10.0.0.1/24');
  const used = new Set<number>();
  for (let round = 0; round < 5000; round++) {
    if (used.size > 200) {
      const [oldest = 0] = used;
      used.delete(oldest);
      pool.release(oldest);
    }
    const address = pool.allocate();
    assert.ok(!used.has(address));
    used.add(address);
  }
});
