/** Node's client library building with BuildKit: the classic endpoint with `version=2`, a session, traces. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import Docker from 'dockerode';
import { tarOf } from '../fixtures/tar.ts';
import { importBusybox } from '../support/docker.ts';
import { request } from '../support/http.ts';
import { startSubject, type Subject } from '../support/subject.ts';

let engine: Subject;
let docker: Docker;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
  docker = new Docker({ socketPath: engine.socket });
});

after(() => engine[Symbol.asyncDispose]());

interface Line {
  readonly id?: string;
  readonly aux?: unknown;
  readonly error?: string;
}

async function build(dockerfile: string, options: Docker.ImageBuildOptions): Promise<readonly Line[]> {
  const context = Readable.from([tarOf({ path: 'Dockerfile', content: dockerfile })]);
  const stream = await docker.buildImage(context, { ...options, version: '2' });
  const { promise, resolve } = Promise.withResolvers<readonly Line[]>();
  // An error comes as the last line, too.
  docker.modem.followProgress(stream, (_, lines) => resolve(lines));
  return await promise;
}

function tracesOf(lines: readonly Line[]): string {
  const traces = lines.filter(({ id }) => id === 'moby.buildkit.trace');
  return traces.map(({ aux }) => Buffer.from(String(aux), 'base64').toString('latin1')).join('\n');
}

test('dockerode with version 2: a session, traces, the image', async () => {
  const lines = await build('FROM bb\nARG A=1\nRUN echo "says $A" | tee /said\n', {
    t: 'traced:1',
    buildargs: { A: '2' },
  });
  const traces = tracesOf(lines);
  assert.match(traces, /\[2\/2\] RUN echo "says 2" \| tee \/said/);
  assert.match(traces, /says 2\n/);
  assert.match(traces, /exporting to image/);
  const image = await docker.getImage('traced:1').inspect();
  assert.deepEqual(lines.find(({ id }) => id === 'moby.image.id')?.aux, { ID: image.Id });
});

const buildTo = (...outputs: readonly object[]): Promise<readonly Line[]> =>
  build('FROM bb\nRUN true\n', { outputs: JSON.stringify(outputs), t: 'nothing:1' });

test('outputs, as command lines of a time before buildx ask for them', async () => {
  const cached = await buildTo({ Type: 'cacheonly', Attrs: {} });
  assert.match(tracesOf(cached), /RUN true/);
  assert.doesNotMatch(tracesOf(cached), /exporting to image/);
  await assert.rejects(docker.getImage('nothing:1').inspect(), { statusCode: 404 });
  const buildargs = { BUILDKIT_INLINE_CACHE: '1' };
  const traces = tracesOf(await build('FROM bb\nRUN true\n', { buildargs }));
  assert.match(traces, /preparing layers for inline cache/);
  const tar = await buildTo({ Type: 'tar', Attrs: {} });
  assert.match(tracesOf(tar), /exporting to client tarball/);
  await assert.rejects(buildTo({ Type: 'local' }, { Type: 'tar' }), /multiple outputs not supported/);
  const { status, body } = await request(engine.socket, 'POST', '/build?version=3');
  assert.equal(status, 400);
  assert.match(body, /invalid version \\"3\\"/);
});

test('a command that fails is the last line', async () => {
  const lines = await build('FROM bb\nRUN echo words; exit 5\n', {});
  assert.match(tracesOf(lines), /words\n/);
  assert.match(
    String(lines.at(-1)?.error),
    /process "\/bin\/sh -c echo words; exit 5" did not complete successfully: exit code: 5/,
  );
});
