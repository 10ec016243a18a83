/** Node's client library, unchanged. */
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { PassThrough, Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import Docker from 'dockerode';
import { tarOf } from '../fixtures/tar.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { importBusybox } from '../support/docker.ts';
import { startSubject, type Subject } from '../support/subject.ts';
import { until } from '#base/testing.ts';

let engine: Subject;
let docker: Docker;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
  docker = new Docker({ socketPath: engine.socket });
});

after(() => engine[Symbol.asyncDispose]());

/** What a stream of frames says on each of the two outputs. */
async function demultiplex(stream: NodeJS.ReadableStream): Promise<readonly [string, string]> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outputs = Promise.all([text(stdout), text(stderr)]);
  docker.modem.demuxStream(stream, stdout, stderr);
  stream.once('end', () => {
    stdout.end();
    stderr.end();
  });
  return await outputs;
}

/** The type says less than what the library gives: the answer of an HTTP request. */
function hangUp(stream: NodeJS.ReadableStream): void {
  assert.ok(stream instanceof Readable);
  stream.destroy();
}

/** Every object of a stream of progress, when it is over. */
async function progressOf(stream: NodeJS.ReadableStream): Promise<readonly Record<string, unknown>[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Record<string, unknown>[]>();
  docker.modem.followProgress(stream, (error, rows) => (error ? reject(error) : resolve(rows)));
  return await promise;
}

test('ping, version, info', async () => {
  assert.equal(String(await docker.ping()), 'OK');
  const [version, info] = [await docker.version(), await docker.info()];
  assert.match(version.ApiVersion, /^1\.\d+$/);
  assert.equal(info.OSType, 'linux');
});

test('created, attached, started, waited for, removed', async () => {
  const container = await docker.createContainer({
    Image: 'bb',
    Cmd: ['sh', '-c', 'read line; echo "got $line"; echo oops >&2; exit 3'],
    OpenStdin: true,
    StdinOnce: true,
  });
  const stream = await container.attach({
    stream: true,
    hijack: true,
    stdin: true,
    stdout: true,
    stderr: true,
  });
  const output = demultiplex(stream);
  await container.start();
  stream.end('hello\n');
  assert.deepEqual(await output, ['got hello\n', 'oops\n']);
  assert.deepEqual(await container.wait(), { StatusCode: 3 });
  const { State } = await container.inspect();
  assert.equal(State.ExitCode, 3);
  await container.remove();
  await assert.rejects(container.inspect(), { statusCode: 404 });
});

test('run, and a terminal that is resized', async () => {
  const output = new PassThrough();
  const said = text(output);
  const [result, container] = await docker.run('bb', ['sh', '-c', 'echo a; echo b >&2; exit 4'], output);
  assert.equal(result.StatusCode, 4);
  assert.equal(await said, 'a\r\nb\r\n');
  await container.remove();

  const options = { Image: 'bb', Cmd: ['sh', '-c', 'read x; stty size'], Tty: true, OpenStdin: true };
  const terminal = await docker.createContainer(options);
  const stream = await terminal.attach({
    stream: true,
    hijack: true,
    stdin: true,
    stdout: true,
    stderr: true,
  });
  const screen = text(stream);
  await terminal.start();
  await terminal.resize({ h: 31, w: 97 });
  stream.write('go\n');
  assert.match(await screen, /31 97\r\n$/);
  await terminal.remove({ force: true });
});

test('exec: streams, input and its end, exit code', async () => {
  const container = await docker.createContainer({ Image: 'bb', Cmd: ['sleep', '1000'] });
  await container.start();
  const exec = await container.exec({
    Cmd: ['sh', '-c', 'cat; echo err >&2; exit 5'],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  const output = demultiplex(stream);
  stream.end('typed');
  assert.deepEqual(await output, ['typed', 'err\n']);
  const { ExitCode, Running } = await exec.inspect();
  assert.deepEqual([ExitCode, Running], [5, false]);
  await container.remove({ force: true });
});

test('logs: all of them, and followed to the end', async () => {
  const container = await docker.createContainer({
    Image: 'bb',
    Cmd: ['sh', '-c', 'for i in 1 2 3; do echo $i; usleep 50000; done'],
  });
  await container.start();
  const followed = await container.logs({ follow: true, stdout: true, stderr: true });
  assert.deepEqual(await demultiplex(followed), ['1\n2\n3\n', '']);
  const last = await container.logs({ stdout: true, tail: 1 });
  assert.equal(last.subarray(8).toString(), '3\n');
  await container.remove();
});

test('stats: once, and as a stream', async () => {
  const container = await docker.createContainer({
    Image: 'bb',
    Cmd: ['sleep', '1000'],
    HostConfig: { Memory: 64 << 20 },
  });
  await container.start();
  const sample = await container.stats({ stream: false });
  assert.equal(sample.memory_stats.limit, 64 << 20);
  assert.ok(sample.cpu_stats.cpu_usage.total_usage > 0);
  const stream = await container.stats({ stream: true });
  let line = '';
  for await (const chunk of stream) {
    line += String(chunk);
    if (line.includes('\n')) break;
  }
  assert.equal(JSON.parse(line.slice(0, line.indexOf('\n'))).id, container.id);
  await container.remove({ force: true });
});

test('events, with a filter', async () => {
  const stream = await docker.getEvents({ filters: { type: ['container'], label: ['watched=yes'] } });
  const seen: string[] = [];
  const watching = (async () => {
    for await (const line of createInterface({ input: stream })) {
      const { Action }: { Action: string } = JSON.parse(line);
      seen.push(Action);
      if (Action === 'destroy') return;
    }
  })();
  const container = await docker.createContainer({ Image: 'bb', Cmd: ['true'], Labels: { watched: 'yes' } });
  await container.start();
  await container.wait();
  await container.remove();
  await watching;
  assert.deepEqual(seen, ['create', 'start', 'die', 'destroy']);
  hangUp(stream);
});

test('archives into and out of a container', async () => {
  const container = await docker.createContainer({ Image: 'bb', Cmd: ['cat', '/tmp/folder/file'] });
  await container.putArchive(tarOf({ path: 'folder/' }, { path: 'folder/file', content: 'carried' }), {
    path: '/tmp',
  });
  const archive = await buffer(await container.getArchive({ path: '/tmp/folder/file' }));
  assert.match(archive.toString('latin1'), /^file\0[\s\S]*carried/);
  const header = await container.infoArchive({ path: '/tmp/folder/file' });
  assert.ok(header);
  await container.start();
  await container.wait();
  assert.equal((await container.logs({ stdout: true })).subarray(8).toString(), 'carried');
  await container.remove();
});

test('build, tag, history, inspect, remove', async () => {
  const context = tarOf(
    {
      path: 'Dockerfile',
      content: 'FROM bb\nCOPY file /file\nRUN echo more >>/file\nCMD ["cat", "/file"]\n',
    },
    { path: 'file', content: 'built\n' },
  );
  const rows = await progressOf(await docker.buildImage(Readable.from([context]), { t: 'built:v1' }));
  assert.match(rows.map(({ stream = '' }) => String(stream)).join(''), /Successfully tagged built:v1/);
  const image = docker.getImage('built:v1');
  assert.equal((await image.history()).length >= 3, true);
  await image.tag({ repo: 'built', tag: 'v2' });
  assert.deepEqual((await image.inspect()).RepoTags?.toSorted(), ['built:v1', 'built:v2']);
  const output = new PassThrough();
  const said = text(output);
  const [result, container] = await docker.run('built:v2', [], output);
  assert.deepEqual([result.StatusCode, await said], [0, 'built\r\nmore\r\n']);
  await container.remove();
  await image.remove();
  await docker.getImage('built:v2').remove();
});

test('a build that fails says why', async () => {
  const context = tarOf({ path: 'Dockerfile', content: 'FROM bb\nRUN exit 9\n' });
  const rows = await progressOf(await docker.buildImage(Readable.from([context]), { t: 'never' }));
  assert.match(String(rows.at(-1)?.['error']), /returned a non-zero code: 9/);
  await assert.rejects(docker.getImage('never').inspect(), { statusCode: 404 });
});

test('push to and pull from a registry', {
  skip: !DebianRegistry.isInstalled && 'docker-registry is not installed',
}, async () => {
  await using registry = await DebianRegistry.start();
  const reference = `${registry.host}/team/bb:1`;
  await docker.getImage('bb').tag({ repo: `${registry.host}/team/bb`, tag: '1' });
  await progressOf(
    await docker.getImage(reference).push({ authconfig: { username: '', password: '', serveraddress: '' } }),
  );
  await docker.getImage(reference).remove();
  await assert.rejects(docker.getImage(reference).inspect(), { statusCode: 404 });
  const rows = await progressOf(await docker.pull(reference));
  assert.match(rows.map(({ status }) => status).join('\n'), /Downloaded newer image|Image is up to date/);
  assert.equal((await docker.listImages({ filters: { reference: [reference] } })).length, 1);
  await docker.getImage(reference).remove();
});

test('volumes, save and load', async () => {
  await docker.createVolume({ Name: 'ode', Labels: { a: 'b' } });
  const volume = docker.getVolume('ode');
  assert.deepEqual((await volume.inspect()).Labels, { a: 'b' });
  await volume.remove();
  const saved = await buffer(await docker.getImage('bb').get());
  await docker.getImage('bb').remove();
  const loaded = await progressOf(await docker.loadImage(Readable.from([saved])));
  assert.match(JSON.stringify(loaded), /Loaded image: bb:latest/);
});

test('list with filters, rename, pause, restart, kill, prune', async () => {
  const container = await docker.createContainer({ Image: 'bb', Cmd: ['sleep', '1000'], name: 'before' });
  await container.start();
  await container.rename({ name: 'after' });
  await container.pause();
  assert.equal((await docker.listContainers({ filters: { status: ['paused'] } }))[0]?.Names[0], '/after');
  await container.unpause();
  await container.restart({ t: 0 });
  const isProgram = async () => (await container.top()).Processes[0]?.at(-1) === 'sleep 1000';
  await until(isProgram, 'the program runs');
  await container.kill();
  await container.wait();
  const { ContainersDeleted } = await docker.pruneContainers();
  assert.deepEqual(ContainersDeleted, [container.id]);
});
