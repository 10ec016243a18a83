/** Debian's `docker compose build`, which builds over BuildKit's wire. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { docker, dockerOk, importBusybox, type Outcome } from '../support/docker.ts';
import { startSubject, type Subject } from '../support/subject.ts';

let engine: Subject;
const scratch = mkdtempSync('/tmp/caisson-compose-build-');

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

/** A project directory with these files. */
function projectOf(name: string, files: Readonly<Record<string, string>>): string {
  const directory = join(scratch, name);
  for (const [file, content] of Object.entries(files)) {
    const path = join(directory, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  return directory;
}

const compose = (cwd: string, ...args: readonly string[]): Promise<Outcome> =>
  docker(engine, ['compose', '--progress', 'plain', ...args], { cwd });

const sh = (image: string, script: string): Promise<string> =>
  dockerOk(engine, ['run', '--rm', '--network', 'none', image, 'sh', '-c', script]);

test('services are built side by side: arguments, targets, inline Dockerfiles, secrets, several contexts', async () => {
  const directory = projectOf('several', {
    'compose.yaml': `services:
  web:
    image: several-web:7
    build:
      context: ./web
      target: final
      args: { GREETING: hello }
      labels: { made-by: compose }
      secrets: [key]
      additional_contexts: { shared: ./shared }
  worker:
    build:
      context: .
      dockerfile_inline: |
        FROM bb
        RUN echo inline > /inline
secrets:
  key: { file: ./key }
`,
    key: 'the-key',
    'shared/s': 'shared\n',
    'web/Dockerfile': `FROM bb AS final
ARG GREETING
COPY --from=shared s /s
COPY src /src
RUN --mount=type=secret,id=key echo $GREETING $(cat /run/secrets/key | wc -c) > /g
FROM bb AS other
RUN exit 1
`,
    'web/src/x': 'x\n',
  });
  const { exitCode, stdout, stderr } = await compose(directory, 'build');
  assert.equal(exitCode, 0, stdout + stderr);
  assert.match(stdout + stderr, /\[worker 2\/2\] RUN echo inline > \/inline/);
  assert.match(stdout + stderr, /\[web final \d\/4\] COPY src \/src/);
  assert.equal(await sh('several-web:7', 'cat /s /src/x /g'), 'shared\nx\nhello 7');
  assert.equal(await sh('several-worker', 'cat /inline'), 'inline');
  const labels = await dockerOk(engine, [
    'image',
    'inspect',
    '-f',
    '{{json .Config.Labels}}',
    'several-web:7',
  ]);
  assert.equal(JSON.parse(labels)['made-by'], 'compose');
});

test('up builds what is missing; a build that fails fails the command', async () => {
  const files = {
    'compose.yaml': 'services:\n  one:\n    build: .\n    network_mode: none\n    command: cat /built\n',
    Dockerfile: 'FROM bb\nRUN echo built by up > /built\n',
  };
  const directory = projectOf('up', files);
  try {
    const up = await compose(directory, 'up', '--no-log-prefix', '--abort-on-container-exit');
    assert.equal(up.exitCode, 0, up.stderr);
    assert.match(up.stdout, /built by up/);
  } finally {
    await compose(directory, 'down', '-t', '0');
  }
  const failing = projectOf('failing', { ...files, Dockerfile: 'FROM bb\nRUN echo last words; exit 4\n' });
  const build = await compose(failing, 'build');
  assert.notEqual(build.exitCode, 0);
  assert.match(build.stdout + build.stderr, /last words[^]*did not complete successfully: exit code: 4/);
});
