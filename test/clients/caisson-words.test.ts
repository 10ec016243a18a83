/** What users write in formats and flags means what it means to Docker's command line. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { docker, dockerOk, importBusybox, type Outcome, runProgram } from '../support/docker.ts';
import { fromSource } from '../support/own-cli.ts';
import { Relay } from '../support/relay.ts';
import { startSubject, type Subject } from '../support/subject.ts';
import { Terminal } from '../support/terminal.ts';

let engine: Subject;
let began: string;
/** In a directory that every user may enter. */
const openSocket = `/tmp/caisson-words-${process.pid}.sock`;

before(async () => {
  began = String(Math.floor(Date.now() / 1000) - 1);
  engine = await startSubject('--host', `unix://${openSocket}`);
  await importBusybox(engine);
  await dockerOk(engine, ['create', '--name', 'one', '-l', 'a=b', '-v', 'data:/data', 'bb', 'true']);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
});

function caisson(args: readonly string[]): Promise<Outcome> {
  const [program = '', ...words] = fromSource;
  return runProgram(program, [...words, '-H', engine.host, ...args]);
}

test('formats have Go’s names for what JSON names otherwise', async () => {
  const until = String(Math.floor(Date.now() / 1000) + 1);
  for (const args of [
    ['version', '-f', '{{.Server.APIVersion}} {{.Server.KernelVersion}} {{.Server.MinAPIVersion}}'],
    ['version', '-f', '{{.Client.GitCommit | len | gt 1000}} {{.Client.Context}}'],
    [
      'events',
      '--since',
      began,
      '--until',
      until,
      '--format',
      '{{.Status}} {{.ID}} {{.From}} {{.Time}} {{.TimeNano}}',
    ],
    ['info', '-f', '{{.CPUCfsPeriod}} {{.CPUCfsQuota}} {{.CPUShares}} {{.ID}} {{.NCPU}}'],
    ['inspect', '-f', '{{.ID}} {{.Mounts}} {{.NetworkSettings.SecondaryIPAddresses}}', 'one'],
    [
      'inspect',
      '-f',
      '{{define "n"}}<{{.}}>{{end}}{{template "n" .Name}}{{block "b" .Path}}[{{$}}]{{end}}',
      'one',
    ],
    ['ps', '-a', '--format', String.raw`{{js "a'b\"<&="}} {{.Names}}`],
  ]) {
    const [own, theirs] = [await caisson(args), await docker(engine, args)];
    assert.deepEqual([own.exitCode, own.stdout], [0, theirs.stdout], `${args.join(' ')}: ${own.stderr}`);
  }
});

test('--format raw', async () => {
  for (const args of [
    ['ps', '-a', '--format', 'raw'],
    ['ps', '-a', '-s', '--format', 'raw'],
    ['images', '--format', 'raw'],
    ['images', '--digests', '--format', 'raw'],
    ['volume', 'ls', '--format', 'raw'],
    ['network', 'ls', '--format', 'raw'],
  ]) {
    const [own, theirs] = [await caisson(args), await docker(engine, args)];
    assert.deepEqual([own.exitCode, own.stdout], [0, theirs.stdout], args.join(' '));
  }
});

test('what Docker refuses before it asks the engine is refused', async () => {
  for (const args of [
    ['pull', '-a', 'x:tag'],
    ['create', '--sysctl', 'key', 'bb'],
    ['create', '-l', '=x', 'bb'],
    ['network', 'create', '--label', '=x', 'n'],
    ['run', '--rm', '--device', 'x', 'bb', 'true'],
    ['inspect', '-f', '{{', 'one'],
    ['container'],
  ]) {
    const [own, theirs] = [await caisson(args), await docker(engine, args)];
    assert.deepEqual(
      [own.exitCode, own.stdout],
      [theirs.exitCode, theirs.stdout],
      `${args.join(' ')}: ${own.stderr}`,
    );
    assert.notEqual(own.stderr, '');
  }
});

test('a template that runs itself, or none, is refused', async () => {
  for (const format of ['{{define "n"}}{{template "n"}}{{end}}{{template "n"}}', '{{template "none"}}']) {
    const { exitCode, stderr } = await caisson(['ps', '-a', '--format', format]);
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /Cannot use this --format: (exceeded maximum template depth|template "none" is not defined)/,
    );
  }
});

test('a mistake says what helps', async () => {
  await dockerOk(engine, ['create', '--name', 'user', '-v', 'used:/used', 'bb', 'true']);
  const user = (await dockerOk(engine, ['inspect', '-f', '{{.Id}}', 'user'])).slice(0, 12);
  const cases: readonly (readonly [args: readonly string[], said: string])[] = [
    [['run', '--rm', '--network', 'nosuch', 'bb', 'true'], 'caisson network create nosuch'],
    [['network', 'rm', 'brigde'], 'Did you mean "bridge"?'],
    [['start', 'onee'], 'Did you mean "one"?'],
    [['tag', 'bbb', 'other'], 'Did you mean "bb"?'],
    [['tag', 'alpin', 'other'], '"caisson images" lists all images.'],
    [['volume', 'rm', 'dat'], 'Did you mean "data"?'],
    [['volume', 'rm', 'nosuch'], '"caisson volume ls" lists all volumes.'],
    [['inspect', 'onee'], 'Did you mean "one"?'],
    [['inspect', 'nosuch'], 'It is the name of no container, image, network or volume.'],
    [['volume', 'rm', 'used'], `"caisson rm -f ${user}" removes that one first.`],
    [['swarm', 'init'], "'swarm' is not a caisson command: there is no swarm mode."],
  ];
  for (const [args, said] of cases) {
    const { exitCode, stderr } = await caisson(args);
    assert.notEqual(exitCode, 0);
    assert.ok(stderr.includes(said), `${args.join(' ')}: ${stderr}`);
  }
  await dockerOk(engine, ['rm', '-v', 'user']);
  await dockerOk(engine, ['volume', 'rm', 'used']);
});

test('where no registry is reached, what may have been meant is said, and what there is instead', async () => {
  // Port 1 is closed.
  const unreached = '127.0.0.1:1/near:1';
  await dockerOk(engine, ['tag', 'bb', unreached]);
  const instead = /caissond --registry-mirror URL.*"caisson bootstrap debian:trixie"\.\n$/;
  for (const args of [
    ['run', '--rm', '127.0.0.1:1/naer:1'],
    ['pull', '127.0.0.1:1/naer:1'],
  ]) {
    const { exitCode, stderr } = await caisson(args);
    assert.equal(exitCode, args[0] === 'run' ? 125 : 1);
    assert.match(
      stderr,
      /Cannot reach registry 127\.0\.0\.1:1: .*\nDid you mean "127\.0\.0\.1:1\/near:1"\?\n/,
    );
    assert.match(stderr, instead);
  }
  const pushed = await caisson(['push', unreached]);
  assert.equal(pushed.exitCode, 1);
  assert.match(pushed.stderr, instead);
  assert.doesNotMatch(pushed.stderr, /Did you mean/);
  await dockerOk(engine, ['rmi', unreached]);
});

function asUser(groups: string, ...args: readonly string[]): Promise<Outcome> {
  const user = ['--reuid=65534', '--regid=65534', groups, ...fromSource, '-H', `unix://${openSocket}`];
  return runProgram('setpriv', [...user, ...args], { env: { DOCKER_CONFIG: '/nonexistent' } });
}

test('without permission the way to it is told, not how to start what runs', async () => {
  const { exitCode, stderr } = await asUser('--clear-groups', 'ps');
  assert.equal(exitCode, 1);
  const [, group, gid = ''] =
    /^(docker|caisson):[^:]*:(\d+):/m.exec(readFileSync('/etc/group', 'utf8')) ?? [];
  const hint = group === undefined ? 'Use sudo; caissond --group' : `"sudo usermod -aG ${group} $USER"`;
  assert.ok(stderr.includes('permission denied') && stderr.includes(hint), stderr);
  if (group === undefined) return;
  const joined = await asUser(`--groups=${gid}`, 'ps', '-q');
  assert.deepEqual([joined.exitCode, joined.stderr], [0, '']);
});

test('system df -v has a format, whose lists have the fields of their own commands', async () => {
  const [own, theirs] = [
    await caisson(['system', 'df', '-v', '--format', 'json']),
    await docker(engine, ['system', 'df', '-v', '--format', 'json']),
  ];
  assert.equal(own.exitCode, 0, own.stderr);
  assert.deepEqual(JSON.parse(own.stdout), JSON.parse(theirs.stdout));
  const format = '{{range .Images}}{{.Repository}} {{end}}{{range .Volumes}}{{.Name}} {{.Links}}{{end}}';
  const shown = await caisson(['system', 'df', '-v', '--format', format]);
  assert.equal(shown.stdout, 'bb data 1\n', shown.stderr);
});

test('backslashes in the format of an object are text, as for docker', async () => {
  for (const args of [
    ['inspect', '-f', String.raw`a\tb{{"\n"}}c`, 'one'],
    ['info', '-f', String.raw`\n`],
  ]) {
    const [own, theirs] = [await caisson(args), await docker(engine, args)];
    assert.deepEqual([own.exitCode, own.stdout], [0, theirs.stdout], own.stderr);
  }
});

test('the engine is the builder that buildx’s words are about', async () => {
  const context = mkdtempSync('/tmp/caisson-words-');
  writeFileSync(join(context, 'Dockerfile'), 'FROM bb\nRUN echo kept > /f\n');
  assert.equal((await caisson(['buildx', 'build', '--builder', 'default', '-q', context])).exitCode, 0);
  const elsewhere = await caisson(['build', '--builder', 'other', context]);
  assert.deepEqual([elsewhere.exitCode, elsewhere.stdout], [1, '']);
  assert.match(
    elsewhere.stderr,
    /no builder "other" found \(--builder, BUILDX_BUILDER\): the engine itself builds, as "default"/,
  );
  rmSync(context, { recursive: true });
  const listed = await caisson(['buildx', 'ls', '--format', '{{.Name}} {{.Status}}']);
  assert.deepEqual(listed.stdout.split('\n').slice(0, 2), ['default* ', String.raw` \_ default running`]);
  assert.match((await caisson(['buildx', 'inspect'])).stdout, /^Name: {3}default\n[^]*Status: {11}running\n/);
  assert.match((await caisson(['buildx', 'version'])).stdout, /^caisson \d/);
  const refused = await caisson(['buildx', 'bake']);
  assert.deepEqual([refused.exitCode, refused.stdout], [1, '']);
  assert.match(refused.stderr, /'bake' is not a caisson buildx command: .*docker buildx bake/);
  const step = /Description: {4}mount \/ from exec [^\n]*echo kept[^]*?\nType: {11}regular\n/;
  assert.match((await caisson(['buildx', 'du', '--verbose'])).stdout, step);
  assert.match((await caisson(['builder', 'prune', '-af', '--verbose'])).stdout, step);
  assert.doesNotMatch((await caisson(['builder', 'du', '--verbose'])).stdout, step);
});

test('port says what was asked for', async () => {
  for (const port of ['81', '81/udp']) {
    const args = ['port', 'one', port];
    const [own, theirs] = [await caisson(args), await docker(engine, args)];
    assert.deepEqual(own, theirs);
  }
});

test('a connection that is lost is no end of the container, and the way back is told', async () => {
  await using relay = await Relay.start(engine);
  const [program = '', ...words] = fromSource;
  using terminal = Terminal.open([program, ...words, '-H', relay.host, 'run', '-it', 'bb', 'sh']);
  terminal.type('echo a$((1))b\r');
  await terminal.until(/a1b/);
  relay.cut();
  const [, id = ''] =
    /container (\w{12}) goes on without it\.\r\n"caisson attach \1"/.exec(
      await terminal.until(/Lost the[^]*"caisson logs/),
    ) ?? [];
  assert.equal(await terminal.exitCode(), 125);
  assert.equal(await dockerOk(engine, ['inspect', '-f', '{{.State.Running}}', id]), 'true');
  await dockerOk(engine, ['rm', '-f', id]);
});

test('a comment after a JSON array is left out, and warned of, whichever client builds', async () => {
  const context = mkdtempSync('/tmp/caisson-words-');
  const lines = [
    'FROM bb',
    'CMD ["--help"] # le parametre par default',
    'ENTRYPOINT ["ping"] # Le proccess par default',
  ];
  writeFileSync(join(context, 'Dockerfile'), lines.join('\n'));
  for (const build of [caisson, (args: readonly string[]) => docker(engine, args)]) {
    const { exitCode, stderr } = await build(['build', '-t', 'pinging', context]);
    assert.equal(exitCode, 0, stderr);
    assert.match(
      stderr,
      /TrailingComment: Ignored what follows the JSON array, "# Le proccess par default": [^\n]*line 3/,
    );
    const ran = await caisson(['run', '--rm', 'pinging']);
    assert.match(ran.stderr, /Usage: ping /);
  }
  rmSync(context, { recursive: true });
});

test('a bootstrap that fails says once what went wrong, and what helps', async () => {
  // Nothing listens on port 1.
  const { exitCode, stderr } = await caisson([
    'bootstrap',
    '--mirror',
    'http://127.0.0.1:1/debian',
    'debian:trixie',
  ]);
  assert.equal(exitCode, 1);
  assert.equal(stderr.match(/running apt-get update/g)?.length, 1, stderr);
  assert.match(
    stderr,
    /caisson: Cannot make the image: mmdebstrap ended with \d+\nThe package archive is out of reach: --mirror URL names another one\.\n$/,
  );
  const quiet = await caisson(['bootstrap', '-q', '--mirror', 'http://127.0.0.1:1/debian', 'debian:trixie']);
  assert.match(quiet.stderr, /^caisson: Cannot make[^]*Could not connect[^]*out of reach/);
});
