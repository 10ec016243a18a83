import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExpose, parsePublish } from './publish.ts';

const free = (port: number, protocol = 'tcp', hostAddress = '') => ({ port, protocol, hostAddress });
const on = (first: number, last = first) => ({ hostPorts: { first, last } });

test('a port is published on an address and a port of the host, or on what the engine chooses', () => {
  assert.deepEqual(parsePublish('80'), [free(80)]);
  assert.deepEqual(parsePublish('8080:80'), [{ ...free(80), ...on(8080) }]);
  assert.deepEqual(parsePublish('127.0.0.1::53/UDP'), [free(53, 'udp', '127.0.0.1')]);
  assert.deepEqual(parsePublish('[::1]:5:6/sctp'), [{ ...free(6, 'sctp', '::1'), ...on(5) }]);
  assert.deepEqual(parsePublish('target=80,published=8080'), [{ ...free(80), ...on(8080) }]);
});

test('ranges lead port by port; a range of the host for one port leaves the choice to the engine', () => {
  assert.deepEqual(parsePublish('90-91:190-191'), [
    { ...free(190), ...on(90) },
    { ...free(191), ...on(91) },
  ]);
  assert.deepEqual(parsePublish('8000-8010:77'), [{ ...free(77), ...on(8000, 8010) }]);
  assert.deepEqual(parsePublish('7-8'), [free(7), free(8)]);
});

test('what is no port is refused', () => {
  const wrong = [
    '',
    'a',
    'a:80',
    '80:b',
    '70000',
    '9-8',
    '1-3:1-2',
    '80/foo',
    '1/tcp/x',
    'x.y:1:2',
    'published=1',
  ];
  for (const text of wrong) assert.throws(() => parsePublish(text), { code: 'invalid' }, text);
});

test('exposed ports have no place on the host', () => {
  assert.deepEqual(parseExpose('99'), [{ port: 99, protocol: 'tcp' }]);
  assert.deepEqual(
    parseExpose('5-6/udp').map(({ port }) => port),
    [5, 6],
  );
  for (const text of ['', '1:2', 'x', '6-5', '1/foo'])
    assert.throws(() => parseExpose(text), { code: 'invalid' }, text);
});
