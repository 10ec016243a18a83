/** A test file with a database of its own: it is there in a moment, and gone afterwards. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import type { HostAddress, RunningContainer } from 'caisson';
import { startEngine, type TestEngine } from './engine.ts';

const IMAGE = process.env['DATABASE_IMAGE'] ?? 'valkey/valkey:8';

let tests: TestEngine;
let database: RunningContainer;
let address: HostAddress;

before(async (t) => {
  const begun = performance.now();
  tests = await startEngine();
  database = await tests.engine.containers.run({ image: IMAGE, ports: [6379], memoryBytes: 64 * 2 ** 20 });
  await database.line(/Ready to accept connections/);
  address = await database.address(6379);
  t.diagnostic?.(`ready after ${Math.round(performance.now() - begun)} ms`);
});

after(async () => {
  await database[Symbol.asyncDispose]();
  await tests[Symbol.asyncDispose]();
});

test('a counter counts', async () => {
  assert.equal(await ask('INCR visits'), ':1');
  assert.equal(await ask('INCR visits'), ':2');
});

test('what was written is there for other clients', async () => {
  await ask('SET name caisson');
  const { stdout } = await database.exec(['valkey-cli', 'GET', 'name']);
  assert.equal(stdout, 'caisson\n');
});

async function ask(command: string): Promise<string> {
  const socket = connect(address.port, address.host).setEncoding('utf8');
  socket.write(`${command}\r\n`);
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return String(answer).trim();
}
