import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipBytes, parseIp } from '#base/ip-address.ts';
import { encodeName, RecordType, responseCode } from './dns-message.ts';
import { NameTable } from './name-table.ts';
import { type ForwardQuery, resolveQuery } from './resolver.ts';

function queryFor(name: string, type: number): Buffer {
  const header = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, encodeName(name), Buffer.from([0, type, 0, 1])]);
}

const [WEB, WEB6, DB] = [parseIp('172.17.0.2'), parseIp('fd00::2'), parseIp('172.17.0.3')];

function tableOfTwo(): NameTable {
  const table = new NameTable('bridge');
  table.set({ sandboxId: 'a', addresses: [WEB, WEB6], names: ['Web', 'aaaa', 'host1'] });
  table.set({ sandboxId: 'b', addresses: [DB], names: ['db', 'bbbb', 'host1'] });
  return table;
}

const upstream =
  (answer: Buffer | undefined): ForwardQuery =>
  () =>
    Promise.resolve(answer);

/** The addresses in an answer, or its response code if it has none. */
async function ask(
  table: NameTable,
  name: string,
  type: number = RecordType.a,
): Promise<readonly string[] | number | 'upstream'> {
  const marker = Buffer.from('upstream');
  const view = { tables: () => [table], servers: () => [] };
  const response = await resolveQuery(queryFor(name, type), 'udp', view, upstream(marker));
  assert.ok(response);
  if (response === marker) return 'upstream';
  const count = response.readUInt16BE(6);
  if (count === 0) return responseCode(response) ?? -1;
  const records = response.subarray(response.length - count * 16);
  return Array.from({ length: count }, (_, i) => records.subarray(i * 16 + 12, i * 16 + 16).join('.'));
}

test('names, ids, hostnames and names with the network, in any case', async () => {
  const table = tableOfTwo();
  for (const name of ['web', 'WEB', 'aaaa', 'web.bridge']) {
    assert.deepEqual(await ask(table, name), ['172.17.0.2'], name);
  }
  assert.deepEqual(await ask(table, 'host1'), ['172.17.0.2', '172.17.0.3']);
});

test('a known name without such a record is empty, not missing', async () => {
  assert.equal(await ask(tableOfTwo(), 'db', RecordType.aaaa), 0);
  assert.equal(await ask(tableOfTwo(), 'web', 65), 0);
});

test('addresses of both families', async () => {
  const view = { tables: () => [tableOfTwo()], servers: () => [] };
  const response = await resolveQuery(queryFor('web', RecordType.aaaa), 'udp', view, upstream(undefined));
  assert.equal(response?.readUInt16BE(6), 1);
  assert.deepEqual(response?.subarray(-16), ipBytes(WEB6));
  const nibbles = `2.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`;
  const reverse = await resolveQuery(queryFor(nibbles, RecordType.ptr), 'udp', view, upstream(undefined));
  assert.ok(reverse?.includes(encodeName('Web.bridge')));
});

test('all else goes upstream', async () => {
  const table = tableOfTwo();
  for (const name of ['example.org', 'web.example.org', 'bridge', '']) {
    assert.equal(await ask(table, name), 'upstream', name);
  }
  assert.equal(await ask(table, '9.0.17.172.in-addr.arpa', RecordType.ptr), 'upstream');
});

test('a rename and an end are seen at once', async () => {
  const table = tableOfTwo();
  table.set({ sandboxId: 'a', addresses: [WEB], names: ['shop'] });
  assert.equal(await ask(table, 'web'), 'upstream');
  assert.deepEqual(await ask(table, 'shop'), ['172.17.0.2']);
  table.delete('a');
  table.delete('a');
  assert.equal(await ask(table, 'shop'), 'upstream');
  assert.deepEqual(await ask(table, 'host1'), ['172.17.0.3']);
});

test('an address has the name of its container', async () => {
  const view = { tables: () => [tableOfTwo()], servers: () => [] };
  const query = queryFor('2.0.17.172.in-addr.arpa', RecordType.ptr);
  const response = await resolveQuery(query, 'udp', view, upstream(undefined));
  assert.ok(response?.includes(encodeName('Web.bridge')));
});

test('no answer from anywhere is a server failure; to what is no query there is silence', async () => {
  const view = { tables: () => [], servers: () => [] };
  const response = await resolveQuery(queryFor('x.org', RecordType.a), 'udp', view, upstream(undefined));
  assert.equal(response && responseCode(response), 2);
  assert.equal(await resolveQuery(Buffer.from('x'), 'udp', view, upstream(undefined)), undefined);
});
