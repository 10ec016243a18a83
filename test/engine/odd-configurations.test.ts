/** Images that say odd things run as with Docker, and requests that leave a choice get on with those that do not. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { freePort } from '../support/free-port.ts';
import { request } from '../support/http.ts';
import { startSubject, type Subject } from '../support/subject.ts';

const SLEEP = { Cmd: ['sleep', '1000'] };

let engine: Subject;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
});

interface Image {
  readonly config: object;
  readonly os?: string;
}

/** Loads an image and starts a container of it; what inspect prints of it with a format. */
async function runImage(name: string, { config, os }: Image, ...flags: readonly string[]): Promise<void> {
  const layers = [busyboxRootTar()];
  const archive = dockerArchive({
    reference: `odd-${name}:latest`,
    layers,
    config,
    ...(os !== undefined && { os }),
  });
  await dockerOk(engine, ['load'], { input: archive });
  await dockerOk(engine, ['run', '-d', '--name', `odd-${name}`, ...flags, `odd-${name}`]);
}

const inspect = (name: string, format: string) => dockerOk(engine, ['inspect', '-f', format, name]);

test('ports of images: ranges and letters of any size count, what is no port does not stand in the way', async () => {
  const ExposedPorts = { '8000-8002/tcp': {}, '80/TCP': {}, '53/udp': {}, bad: {}, '70000/tcp': {}, '': {} };
  await runImage('ports', { config: { ...SLEEP, ExposedPorts } }, '-P');
  const ports: object = JSON.parse(await inspect('odd-ports', '{{json .NetworkSettings.Ports}}'));
  assert.deepEqual(Object.keys(ports).toSorted(), ['53/udp', '80/tcp', '8000/tcp', '8001/tcp', '8002/tcp']);
});

test('null in a label and in a command is an empty text', async () => {
  const config = { Cmd: ['sh', '-c', 'sleep 1000', null], Labels: { a: null, b: 'c' }, Env: ['A=b'] };
  await runImage('nulls', { config });
  assert.equal(await inspect('odd-nulls', '{{json .Config.Cmd}}'), '["sh","-c","sleep 1000",""]');
  assert.equal(await inspect('odd-nulls', '{{json .Config.Labels}}'), '{"a":"","b":"c"}');
});

test('an image for Linux is one however that is written', async () => {
  await runImage('system', { config: SLEEP, os: 'Linux' });
  assert.equal(await inspect('odd-system', '{{.State.Running}}'), 'true');
});

test('volumes at relative paths are below the root', async () => {
  await runImage('volumes', { config: { ...SLEEP, Volumes: { 'data/one': {}, './two': {} } } });
  const mounts = await dockerOk(engine, ['exec', 'odd-volumes', 'cat', '/proc/mounts']);
  for (const path of ['/data/one', '/two']) assert.match(mounts, new RegExp(` ${path} `));
});

test('a stop signal of an image that there is not is the usual one', async () => {
  const config = { Cmd: ['sh', '-c', 'trap "exit 7" TERM; while :; do sleep 0.1; done'], StopSignal: '%' };
  await runImage('signal', { config });
  await dockerOk(engine, ['stop', 'odd-signal']);
  assert.equal(await inspect('odd-signal', '{{.State.ExitCode}}'), '7');
});

test('a time to stop of years is waited for, not refused and not cut to nothing', async () => {
  const trap = 'trap "sleep 0.3; exit 7" TERM; while :; do sleep 0.1; done';
  for (const [name, path] of [
    ['patient', 'stop?t=4294968'],
    ['restarted', 'restart?t=2147484'],
  ] as const) {
    await dockerOk(engine, ['run', '-d', '--network', 'none', '--name', name, 'bb', 'sh', '-c', trap]);
    assert.equal((await request(engine.socket, 'POST', `/containers/${name}/${path}`)).status, 204);
  }
  assert.equal(await inspect('patient', '{{.State.ExitCode}}'), '7');
});

test('ports of free choice never take one that the same request names', async () => {
  const first = await freePort();
  const range = `${first}-${first + 5}`;
  const ranged = ['-p', `127.0.0.1:${range}:81`, '-p', `127.0.0.1:${first}:82`];
  await dockerOk(engine, ['run', '-d', '--name', 'ranged', ...ranged, 'bb', 'sleep', '1000']);
  assert.equal(await dockerOk(engine, ['port', 'ranged', '82/tcp']), `127.0.0.1:${first}`);
  await dockerOk(engine, ['run', '-d', '--name', 'chosen', '-p', '127.0.0.1::80', 'bb', 'sleep', '1000']);
  const chosen = await dockerOk(engine, ['port', 'chosen', '80/tcp']);
  // What would be chosen next.
  const next = Number(chosen.split(':')[1]) + 1;
  const mixed = ['-P', '--expose', '83', '-p', '127.0.0.1::80', '-p', `127.0.0.1:${next}:82`];
  await dockerOk(engine, ['run', '-d', '--name', 'mixed', ...mixed, 'bb', 'sleep', '1000']);
  assert.equal(await dockerOk(engine, ['port', 'mixed', '82/tcp']), `127.0.0.1:${next}`);
});

test('options of the log choose the driver that knows them', async () => {
  await dockerOk(engine, ['create', '--name', 'labelled', '--log-opt', 'labels=a', 'bb', 'true']);
  assert.match(await inspect('labelled', '{{.LogPath}}'), /-json\.log$/);
  await dockerOk(engine, ['create', '--name', 'plain', '--log-opt', 'max-size=1m', 'bb', 'true']);
  assert.equal(await inspect('plain', '{{.HostConfig.LogConfig.Type}}'), 'json-file');
});
