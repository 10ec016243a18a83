import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { EngineError } from '#base/errors.ts';
import { ClientSession } from './client-session.ts';
import { GrpcClient } from './grpc-client.ts';
import { Sessions } from './sessions.ts';

const never = new AbortController().signal;

beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

/** The session of a client that serves nothing. */
function openSession(): ClientSession & Disposable {
  const [connection] = duplexPair();
  const client = new GrpcClient(connection);
  const session = new ClientSession(client, { methods: new Set(), sharedKey: '' });
  return Object.assign(session, { [Symbol.dispose]: () => connection.destroy() });
}

test('a session may come long after the build that needs it, and is there until its client is gone', async () => {
  const sessions = new Sessions();
  const found = sessions.get('late', never);
  mock.timers.tick(59_000);
  using other = openSession();
  sessions.add('other', other);
  const session = openSession();
  sessions.add('late', session);
  assert.equal(await found, session);
  assert.equal(await sessions.get('late', never), session);
  session[Symbol.dispose]();
  await new Promise((resolve) => session.closed.addEventListener('abort', resolve));
  const again = assert.rejects(sessions.get('late', never), { code: 'not-found' });
  mock.timers.tick(60_000);
  await again;
});

test('a session that does not come: what may be done about it', async () => {
  const missing = assert.rejects(new Sessions().get('none', never), {
    code: 'not-found',
    message:
      /^Cannot find build session none: its client has not opened it within 60 seconds\. Build again; .* proxy /,
  });
  mock.timers.tick(60_000);
  await missing;
});

test('one that gives up does not take the session from others that wait for it', async () => {
  const sessions = new Sessions();
  const leaving = new AbortController();
  const left = assert.rejects(sessions.get('shared', leaving.signal), { message: 'enough' });
  const staying = sessions.get('shared', never);
  leaving.abort(new EngineError('aborted', 'enough'));
  await left;
  using session = openSession();
  sessions.add('shared', session);
  // Only who is not told waits for so long.
  mock.timers.tick(60_000);
  assert.equal(await staying, session);
});
