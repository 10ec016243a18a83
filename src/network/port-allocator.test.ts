import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemError } from '#linux/errno.ts';
import { type HoldPort, PortAllocator } from './port-allocator.ts';
import type { PortRequest } from './port-spec.ts';

const RANGE = { first: 40_000, last: 40_003 };
const BOTH = ['0.0.0.0', '::'];

/** A host on which some ports are taken by others, and which remembers what we hold. */
function hostWith(failures: Readonly<Record<string, string>> = {}) {
  const held = new Set<string>();
  const hold: HoldPort = ({ protocol, hostAddress, hostPort }) => {
    const key = `${protocol} ${hostAddress} ${hostPort}`;
    const errno = failures[key];
    if (errno) throw new SystemError({ errno, description: 'no', syscall: 'bind', subject: key });
    held.add(key);
    return { [Symbol.dispose]: () => held.delete(key) };
  };
  return { held, hold };
}

function ask(first?: number, last = first): PortRequest {
  const range = first === undefined || last === undefined ? {} : { hostPorts: { first, last } };
  return { port: 80, protocol: 'tcp', hostAddress: '', ...range };
}

test('a port is taken on all addresses, or on none', () => {
  const { held, hold } = hostWith({ 'tcp :: 81': 'EADDRINUSE' });
  const allocator = new PortAllocator(RANGE);
  const ports = allocator.allocate(ask(80), BOTH, hold);
  assert.deepEqual(
    ports.map((publication) => publication.hostAddress),
    BOTH,
  );
  const message = 'Error starting userland proxy: listen tcp6 [::]:81: bind: address already in use';
  assert.throws(() => allocator.allocate(ask(81), BOTH, hold), { code: 'internal', message });
  assert.deepEqual([...held], ['tcp 0.0.0.0 80', 'tcp :: 80']);
  for (const publication of [...ports, ...ports]) allocator.release(publication);
  assert.equal(held.size, 0);
  allocator.allocate(ask(80), BOTH, hold);
});

test('our own ports and those of the host have different texts', () => {
  const { hold } = hostWith({ 'tcp 0.0.0.0 90': 'EADDRINUSE', 'tcp 1.2.3.4 80': 'EADDRNOTAVAIL' });
  const allocator = new PortAllocator(RANGE);
  allocator.allocate(ask(80), ['0.0.0.0'], hold);
  assert.throws(() => allocator.allocate(ask(80), ['0.0.0.0'], hold), {
    message: 'Bind for 0.0.0.0:80 failed: port is already allocated',
  });
  assert.throws(() => allocator.allocate(ask(90), ['0.0.0.0'], hold), {
    message: 'Error starting userland proxy: listen tcp4 0.0.0.0:90: bind: address already in use',
  });
  assert.throws(() => allocator.allocate(ask(80), ['1.2.3.4'], hold), {
    message: 'Error starting userland proxy: listen tcp4 1.2.3.4:80: bind: cannot assign requested address',
  });
});

test('of a range the lowest free port is taken', () => {
  const { hold } = hostWith({ 'tcp 0.0.0.0 8001': 'EADDRINUSE' });
  const allocator = new PortAllocator(RANGE);
  const take = () => allocator.allocate(ask(8000, 8002), ['0.0.0.0'], hold);
  assert.deepEqual([take()[0]?.hostPort, take()[0]?.hostPort], [8000, 8002]);
  assert.throws(take, { code: 'internal', message: 'all ports are allocated' });
});

test('free choice goes around the ephemeral range and passes over what is in use', () => {
  const { hold } = hostWith({ 'tcp :: 40001': 'EADDRINUSE' });
  const allocator = new PortAllocator(RANGE);
  const take = () => allocator.allocate(ask(), BOTH, hold);
  const portOf = (ports: ReturnType<typeof take>) => ports[0]?.hostPort;
  const first = take();
  assert.equal(portOf(first), 40_000);
  for (const publication of first) allocator.release(publication);
  assert.deepEqual([take(), take(), take()].map(portOf), [40_002, 40_003, 40_000]);
  assert.throws(take, { message: 'all ports are allocated' });
});

test('protocols do not stand in each other’s way', () => {
  const { hold } = hostWith();
  const allocator = new PortAllocator(RANGE);
  allocator.allocate(ask(53), ['0.0.0.0'], hold);
  allocator.allocate({ ...ask(53), protocol: 'udp' }, ['0.0.0.0'], hold);
});

test('a host without IPv6 publishes on IPv4 alone', () => {
  const { hold } = hostWith({ 'tcp :: 80': 'EAFNOSUPPORT' });
  const ports = new PortAllocator(RANGE).allocate(ask(80), BOTH, hold);
  assert.deepEqual(ports, [{ port: 80, protocol: 'tcp', hostAddress: '0.0.0.0', hostPort: 80 }]);
});

test('what was published before a restart stays taken, whether or not it can be held', () => {
  const { hold } = hostWith({ 'tcp 127.0.0.1 80': 'EADDRINUSE' });
  const allocator = new PortAllocator(RANGE);
  const publication = { port: 80, protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 80 } as const;
  assert.match(allocator.adopt(publication, hold) ?? '', /address already in use/);
  assert.throws(() => allocator.allocate(ask(80), ['127.0.0.1'], hold), /port is already allocated/);
  allocator.release(publication);
  const free = hostWith();
  assert.equal(allocator.adopt(publication, free.hold), undefined);
});

test('an engine begins where it is told to, and comes round', () => {
  const { hold } = hostWith();
  const allocator = new PortAllocator(RANGE, 40_002);
  const ports = [1, 2, 3, 4].map(() => allocator.allocate(ask(), ['0.0.0.0'], hold)[0]?.hostPort);
  assert.deepEqual(ports, [40_002, 40_003, 40_000, 40_001]);
});
