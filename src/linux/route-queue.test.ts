import assert from 'node:assert/strict';
import { mkdtempDisposableSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createNetworkNamespace, inNetworkNamespace, removeNetworkNamespace } from './namespaces.ts';
import { RouteQueue } from './route-queue.ts';
import { RouteSocket } from './rtnetlink.ts';
import { createVeth, setLinkUp } from './rtnetlink-messages.ts';

function cable(number: number) {
  return createVeth({ name: `a${number}`, peerName: `b${number}` });
}

test('requests at once: each is told how its own messages went', async () => {
  using directory = mkdtempDisposableSync('/tmp/caisson-queue-');
  const path = join(directory.path, 'ns');
  createNetworkNamespace(path);
  using stack = new DisposableStack();
  stack.defer(() => removeNetworkNamespace(path));
  const { queue, socket } = inNetworkNamespace(path, () => ({
    queue: stack.use(new RouteQueue()),
    socket: stack.use(RouteSocket.open()),
  }));
  const numbers = Array.from({ length: 40 }, (_, number) => number);
  const outcomes = await Promise.allSettled([
    ...numbers.map((number) => queue.request(cable(number), setLinkUp(`a${number}`))),
    queue.request(cable(3)),
    queue.request(setLinkUp('none')),
  ]);
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'done' : outcome.reason.errno)),
    [...numbers.map(() => 'done'), 'EEXIST', 'ENODEV'],
  );
  const up = socket.listLinks().filter(({ name, up: isUp }) => isUp && name.startsWith('a'));
  assert.equal(up.length, numbers.length);
  const last = queue.request(cable(99));
  queue[Symbol.dispose]();
  await last;
  assert.ok(socket.linkExists('a99'));
});
