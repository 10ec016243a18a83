/** Testcontainers asks its reaper to remove what a run forgets: everything that it needs for that from an engine. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempDisposableSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import Docker from 'dockerode';
import { tarOf } from '../fixtures/tar.ts';
import { importBusybox } from '../support/docker.ts';
import { startSubject, type Subject } from '../support/subject.ts';

/** Speaks as Ryuk does: a filter a line, each acknowledged. Ryuk's own image cannot be pulled here. */
const STAND_IN = `FROM bb
COPY reaper session /
LABEL org.testcontainers.ryuk=true
CMD /reaper
`;
const REAPER = `#!/bin/sh
nc -ll -p 8080 -e /session &
until grep -q :1F90 /proc/net/tcp /proc/net/tcp6; do :; done
echo Started
wait
`;
const SESSION = `#!/bin/sh
while read filter; do
  echo "$filter" >/proc/1/fd/1
  echo ACK
done
`;

/** A directory for its lock files, which it leaves. */
const temporary = mkdtempDisposableSync(join(tmpdir(), 'caisson-testcontainers-'));
let engine: Subject;
let docker: Docker;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
  docker = new Docker({ socketPath: engine.socket });
  const context = tarOf(
    { path: 'Dockerfile', content: STAND_IN },
    { path: 'reaper', content: REAPER, mode: 0o755 },
    { path: 'session', content: SESSION, mode: 0o755 },
  );
  const progress = await docker.buildImage(Readable.from([context]), { t: 'reaper:test' });
  progress.resume();
  await once(progress, 'end');
  process.env['DOCKER_HOST'] = engine.host;
  process.env['TMPDIR'] = temporary.path;
  process.env['RYUK_CONTAINER_IMAGE'] = 'reaper:test';
});

after(async () => {
  temporary.remove();
  await engine[Symbol.asyncDispose]();
});

test('the reaper is started with the engine’s socket and told whom to remove', async () => {
  const { GenericContainer } = await import('testcontainers');
  const container = await new GenericContainer('bb:latest').withCommand(['sleep', '1000']).start();
  const session = container.getLabels()['org.testcontainers.session-id'] ?? '';
  assert.notEqual(session, '');
  const filters = { label: ['org.testcontainers.ryuk=true'] };
  const [row] = await docker.listContainers({ filters });
  const reaper = docker.getContainer(row?.Id ?? '');
  const { Mounts } = await reaper.inspect();
  assert.deepEqual(
    Mounts.map(({ Source, Destination }) => [Source, Destination]),
    [[engine.socket, '/var/run/docker.sock']],
  );
  const followed = await reaper.logs({ follow: true, stdout: true });
  assert.ok(followed instanceof Readable);
  let said = '';
  for await (const chunk of followed) {
    said += String(chunk);
    if (said.includes(`=${session}`)) break;
  }
  assert.match(said, /label=org.testcontainers.session-id=/);
  await container.stop();
});
