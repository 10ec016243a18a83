import assert from 'node:assert/strict';
import { existsSync, mkdtempDisposableSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { createNetworkNamespace, inNetworkNamespace, removeNetworkNamespace } from './namespaces.ts';
import { codeOfNftError, Nftables } from './nftables.ts';

function testTables() {
  const stack = new DisposableStack();
  const directory = stack.use(mkdtempDisposableSync('/tmp/caisson-nft-'));
  const path = join(directory.path, 'ns');
  createNetworkNamespace(path);
  stack.defer(() => removeNetworkNamespace(path));
  const nft = stack.use(inNetworkNamespace(path, () => Nftables.open()));
  return { nft, [Symbol.dispose]: () => stack.dispose() };
}

test('it belongs to the namespace it was opened in', () => {
  using tables = testTables();
  tables.nft.run('add table inet caisson_test; add set inet caisson_test s { type inet_service; }');
  tables.nft.run('add element inet caisson_test s { 80, 443 }');
  assert.match(tables.nft.run('list table inet caisson_test'), /elements = \{ 80, 443 \}/);
  using own = Nftables.open();
  assert.doesNotMatch(own.run('list tables'), /caisson_test/);
});

test('listings as JSON, and as text again', () => {
  using tables = testTables();
  tables.nft.run('add table inet t');
  const parsed = tables.nft.runJson('list tables');
  assert.match(JSON.stringify(parsed), /"table":\{"family":"inet","name":"t","handle":\d+\}/);
  assert.equal(tables.nft.run('list tables'), 'table inet t\n');
});

test('a transaction is all or nothing, and errors have codes', () => {
  using tables = testTables();
  const fails = (commands: string, code: string) =>
    assert.throws(
      () => tables.nft.run(commands),
      (error) => isEngineError(error) && error.code === code,
    );
  fails('add table inet t; delete table inet nope', 'not-found');
  assert.equal(tables.nft.run('list tables'), '');
  tables.nft.run(
    'add table inet t; add map inet t m { type inet_service : inet_service; elements = { 1 : 2 } }',
  );
  fails('create table inet t', 'conflict');
  fails('add element inet t m { 1 : 3 }', 'conflict');
  fails('delete element inet t m { 9 }', 'not-found');
  fails('bogus', 'invalid');
  assert.equal(codeOfNftError('Could not process rule: Operation not permitted'), 'forbidden');
});

function openDescriptors() {
  return readdirSync('/proc/self/fd').filter((fd) => existsSync(`/proc/self/fdinfo/${fd}`));
}

test('its netlink socket is close-on-exec, and goes with it', () => {
  const before = new Set(openDescriptors());
  const nft = Nftables.open();
  nft.run('list tables');
  const added = openDescriptors().filter((fd) => !before.has(fd));
  assert.ok(added.length > 0);
  for (const fd of added) {
    const flags = /^flags:\t(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
    assert.equal(Number.parseInt(flags, 8) & 0o2000000, 0o2000000, `descriptor ${fd}`);
  }
  nft[Symbol.dispose]();
  nft[Symbol.dispose]();
  assert.deepEqual(
    openDescriptors().filter((fd) => added.includes(fd)),
    [],
  );
  assert.throws(
    () => nft.run('list tables'),
    (error) => isEngineError(error, 'internal'),
  );
});
