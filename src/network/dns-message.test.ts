import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '#base/ip-address.ts';
import {
  composeResponse,
  encodeName,
  fitUdp,
  parseQuery,
  RecordType,
  ResponseCode,
  reverseAddress,
} from './dns-message.ts';

/** As dig and the C library write them. */
function queryFor(name: string, type: number, options: { edns?: number; flags?: number } = {}): Buffer {
  const header = Buffer.from([0xab, 0xcd, 0, 0, 0, 1, 0, 0, 0, 0, 0, options.edns ? 1 : 0]);
  header.writeUInt16BE(options.flags ?? 0x0100, 2);
  const tail = Buffer.from([0, type, 0, 1]);
  const opt = options.edns
    ? Buffer.from([0, 0, 41, options.edns >> 8, options.edns & 255, 0, 0, 0, 0, 0, 0])
    : [];
  return Buffer.concat([header, encodeName(name), tail, Buffer.from(opt)]);
}

test('a query is read whole', () => {
  const query = parseQuery(queryFor('Web.Bridge', RecordType.aaaa, { edns: 1232 }));
  assert.deepEqual(
    { ...query, question: undefined },
    { id: 0xabcd, name: 'web.bridge', type: 28, recursionDesired: true, udpSize: 1232, question: undefined },
  );
  assert.equal(parseQuery(queryFor('web', 1))?.udpSize, 512);
});

test('what is no plain query is left alone', () => {
  assert.equal(parseQuery(Buffer.alloc(0)), undefined);
  assert.equal(parseQuery(Buffer.alloc(12)), undefined);
  assert.equal(parseQuery(queryFor('web', 1, { flags: 0x8180 })), undefined, 'a response');
  assert.equal(parseQuery(queryFor('web', 1, { flags: 0x2800 })), undefined, 'an update');
  const query = queryFor('web', 1);
  for (let length = 0; length < query.length; length++) {
    assert.equal(parseQuery(query.subarray(0, length)), undefined, `cut at ${length}`);
  }
  const pointer = Buffer.from(query);
  pointer[12] = 0xc0;
  assert.equal(parseQuery(pointer), undefined, 'a compressed name');
});

test('an answer repeats id, question and capitals', () => {
  const message = queryFor('WeB', RecordType.a);
  const query = parseQuery(message);
  assert.ok(query);
  const answers = [{ type: 'a', address: parseIp('172.17.0.2') }] as const;
  const response = composeResponse(query, ResponseCode.noError, answers, 10);
  assert.equal(response.readUInt16BE(0), 0xabcd);
  assert.equal(response.readUInt16BE(2), 0x8180);
  assert.deepEqual(response.subarray(12, message.length), message.subarray(12));
  const record = response.subarray(message.length);
  assert.equal(record.toString('hex'), 'c00c000100010000000a0004ac110002');
});

test('what does not fit UDP is cut and marked', () => {
  const query = parseQuery(queryFor('many', RecordType.a));
  assert.ok(query);
  const answers = Array.from(
    { length: 100 },
    (_, i) => ({ type: 'a', address: parseIp(`10.0.0.${i}`) }) as const,
  );
  const response = composeResponse(query, ResponseCode.noError, answers, 10);
  const cut = fitUdp(query, response);
  assert.ok(response.length > 512 && cut.length <= 512);
  assert.equal(cut.readUInt16BE(2) & 0x0200, 0x0200);
  assert.equal(cut.readUInt16BE(6), 0);
  assert.equal(fitUdp({ ...query, udpSize: 4096 }, response), response);
});

test('reverse names', () => {
  assert.equal(reverseAddress('2.0.17.172.in-addr.arpa'), '172.17.0.2');
  assert.equal(reverseAddress('0.17.172.in-addr.arpa'), undefined);
  assert.equal(reverseAddress('web'), undefined);
  assert.equal(reverseAddress('999.0.17.172.in-addr.arpa'), undefined);
  const nibbles = `2.${'0.'.repeat(27)}0.0.d.f`;
  assert.equal(reverseAddress(`${nibbles}.ip6.arpa`), 'fd00::2');
  assert.equal(reverseAddress(`${nibbles.slice(2)}.ip6.arpa`), undefined);
});
