/** Input that makes no sense, or means harm: Docker's status and words, and nothing of it done. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { docker, dockerOk, importBusybox } from '../support/docker.ts';
import { type Answer, request } from '../support/http.ts';
import { isForeign, startSubject, type Subject } from '../support/subject.ts';

const POOL_SIZE = 2;
let engine: Subject;
let initialState = '';

before(async () => {
  engine = await startSubject('--network-pool', String(POOL_SIZE));
  await importBusybox(engine);
  initialState = await stateOf();
});

afterEach(async () => {
  const state = await stateOf();
  for (const name of (await dockerOk(engine, ['ps', '-aq'])).split('\n').filter(Boolean))
    await ask('DELETE', `/containers/${name}?force=1&v=1`);
  assert.equal(state, initialState, 'nothing was done');
  if (engine instanceof TestDaemon) {
    const left = await engine.leftovers({ running: [], known: [], publishedPorts: 0, poolSize: POOL_SIZE });
    assert.deepEqual(left, []);
  }
});

after(async () => {
  await using _engine = engine;
  // What clients do wrong is no error of the engine's.
  if (engine instanceof TestDaemon) assert.doesNotMatch(engine.log(), /level=error/);
});

const ask = (method: string, path: string, body?: string | Buffer | object, headers = {}) =>
  request(engine.socket, method, path, body, headers);
const messageOf = (answer: Answer): string => JSON.parse(answer.body).message;

/** Everything that a request could have changed. */
async function stateOf(): Promise<string> {
  const paths = ['/containers/json?all=1', '/images/json?all=1', '/volumes', '/networks'];
  const answers = await Promise.all(paths.map((path) => ask('GET', path)));
  const ids = answers.map(({ body }) =>
    body
      .match(/"(Id|ID|Name)":"[^"]*"/g)
      ?.toSorted()
      .join(' '),
  );
  return ids.join('\n');
}

async function refused(
  method: string,
  path: string,
  status: number,
  message: string | RegExp,
  body?: string | Buffer | object,
): Promise<void> {
  const answer = await ask(method, path, body);
  // Docker calls some of it an error of its own.
  const isExpected = answer.status === status || (isForeign && answer.status === 500);
  assert.ok(isExpected, `${method} ${path}: ${answer.status} ${answer.body}`);
  if (typeof message === 'string') assert.equal(messageOf(answer), message);
  else assert.match(messageOf(answer), message);
}

async function create(name: string, body: object = {}): Promise<string> {
  const config = { Image: 'bb', Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' }, ...body };
  const answer = await ask('POST', `/containers/create?name=${name}`, config);
  assert.equal(answer.status, 201, answer.body);
  return JSON.parse(answer.body).Id;
}

test('names that are none', async () => {
  for (const name of [
    '..',
    'a',
    '../etc',
    'a/b',
    'a b',
    '-a',
    '.a',
    'ä',
    'a\nb',
    'a%00b',
    `${'/'.repeat(3)}x`,
  ]) {
    const path = `/containers/create?name=${encodeURIComponent(name)}`;
    const answer = await ask('POST', path, { Image: 'bb', Cmd: ['true'] });
    assert.equal(answer.status, 400, `${JSON.stringify(name)}: ${answer.status} ${answer.body}`);
    const text = 'Invalid container name (NAME), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed';
    assert.equal(
      messageOf(answer),
      text.replace('NAME', () => name),
    );
  }
});

test('references that are none', async () => {
  // Docker answers a path with dots by a redirect to the path without.
  for (const name of ['%2e%2e', '..%2f..%2fetc', '%00', 'f'.repeat(5000)]) {
    const answer = await ask('GET', `/containers/${name}/json`);
    assert.ok(answer.status === 404 || (isForeign && answer.status === 301), `${name}: ${answer.body}`);
  }
  for (const repo of ['UPPER', 'a..b/', '../x', 'a//b', '-x', 'x:y:z', 'a'.repeat(300)]) {
    const answer = await ask('POST', `/images/bb/tag?repo=${encodeURIComponent(repo)}&tag=t`);
    assert.equal(answer.status, 400, `${repo}: ${answer.status} ${answer.body}`);
    assert.match(
      messageOf(answer),
      /^(invalid reference format|error parsing reference|repository name must)/,
    );
  }
  await refused('POST', '/images/bb/tag?repo=ok&tag=..', 400, /^invalid tag format|invalid reference format/);
});

const filtered = (path: string, filters: object) =>
  `${path}filters=${encodeURIComponent(JSON.stringify(filters))}`;

test('filters that are none, or are given twice', async () => {
  const [twice, nonsense] = [{ until: ['1h', '2h'] }, { until: ['zz'] }];
  await refused('GET', filtered('/images/json?', { 'label!': ['a'] }), 400, "invalid filter 'label!'");
  for (const kind of ['images', 'containers', 'networks']) {
    const path = `/${kind}/prune?`;
    await refused('POST', filtered(path, twice), 400, 'more than one until filter specified');
    const text = 'failed to parse value as time or duration: "zz"';
    await refused('POST', filtered(path, nonsense), 400, text);
  }
  await refused('GET', filtered('/images/json?', nonsense), 400, /failed to parse value as time/);
  const events = await ask('GET', filtered('/events?since=0&until=1&', { service: ['x'] }));
  assert.deepEqual([events.status, events.body], [200, '']);
  const past = Math.floor(Date.now() / 1000);
  const own = await ask('GET', filtered(`/events?since=0&until=${past}&`, { service: ['x'] }));
  assert.deepEqual([own.status, own.body], [200, '']);
});

test('what no registry has, and what is attested of no image', async () => {
  const scratch = "'scratch' is a reserved name";
  await refused('POST', '/images/create?fromImage=scratch', 403, scratch);
  await refused('POST', '/images/create?fromImage=scratch&tag=1', 403, scratch);
  if (isForeign) return;
  await refused('GET', '/images/nosuch/attestations', 404, 'No such image: nosuch:latest');
  const twice = '/images/bb/attestations?platform=linux/amd64&platform=linux/arm64';
  await refused('GET', twice, 400, 'only one platform can be specified');
  assert.equal((await ask('GET', '/images/bb/attestations')).body, '[]\n');
});

test('an ambiguous prefix names no container', async () => {
  const ids: string[] = [];
  try {
    while (!hasSharedDigit(ids)) ids.push(await create(`twin-${ids.length}`));
    const prefix = sharedDigit(ids);
    const message = isForeign
      ? /multiple IDs found with provided prefix/
      : `multiple IDs found with provided prefix: ${prefix}`;
    await refused('GET', `/containers/${prefix}/json`, 400, message);
    await refused('DELETE', `/containers/${prefix}`, 400, message);
    await refused('POST', `/containers/${prefix}/start`, 400, message);
  } finally {
    await Promise.all(ids.map((id) => ask('DELETE', `/containers/${id}?force=1`)));
  }
});

/** The first digit of two ids. */
function sharedDigit(ids: readonly string[]): string {
  const digits = ids.map((id) => id.slice(0, 1));
  return digits.find((digit, index) => digits.indexOf(digit) !== index) ?? '';
}

function hasSharedDigit(ids: readonly string[]): boolean {
  return sharedDigit(ids) !== '';
}

const host = (HostConfig: object) => ({ HostConfig });

/** What create refuses, and what its words match. */
const CONTRADICTIONS: readonly (readonly [config: object, message: RegExp])[] = [
  [{ WorkingDir: 'relative' }, /working directory 'relative' is invalid/],
  [{ Env: ['=x'] }, /^invalid environment variable: =x$/],
  [host({ Memory: 2 ** 70 }), /cannot unmarshal number/],
  [host({ Memory: 5 }), /^Minimum memory limit allowed is 6MB$/],
  [host({ NanoCpus: -5 }), /[Rr]ange of CPUs is from 0\.01 to/],
  [host({ CpusetCpus: 'x' }), /Invalid value x for cpuset cpus/],
  [host({ NetworkMode: 'container:' }), /invalid container format container:<name\|id>/],
  [host({ RestartPolicy: { Name: 'sometimes' } }), /invalid restart policy: unknown policy 'sometimes'/],
  [host({ LogConfig: { Type: 'nowhere' } }), /nowhere/],
  [host({ CapAdd: ['CAP_FLY'] }), /invalid CapAdd: unknown capability: "CAP_FLY"/],
  [host({ PortBindings: { '80/tcp': [{ HostPort: 'x' }] } }), /invalid port specification: "x"/],
  [host({ Binds: ['relative/path:/x'] }), /includes invalid characters for a local volume/],
  [host({ Binds: ['../up:/b'] }), /includes invalid characters for a local volume/],
  [host({ Binds: ['/a:relative'] }), /invalid volume specification: '\/a:relative'/],
  [host({ Binds: ['/a:/'] }), /destination can't be '\/'/],
  [host({ Binds: ['/a:/b:what'] }), /invalid mode: what/],
  [host({ Binds: ['/tmp:/b', '/tmp:/b'] }), /Duplicate mount point: \/b/],
  [
    host({ Mounts: [{ Type: 'bind', Source: '/no/such/path', Target: '/x' }] }),
    /bind source path does not exist: \/no\/such\/path/,
  ],
  [host({ Mounts: [{ Type: 'what', Target: '/x' }] }), /mount type unknown/],
  [host({ ShmSize: -1 }), /SHM size can not be less than 0/],
  [host({ AutoRemove: true, RestartPolicy: { Name: 'always' } }), /can't create 'AutoRemove' container/],
  [host({ Runtime: 'nosuch' }), /unknown or invalid runtime name: nosuch/],
  [host({ UTSMode: 'what' }), /invalid UTS mode: what/],
];

test('configurations that contradict themselves', async () => {
  const surprises: string[] = [];
  for (const [config, message] of CONTRADICTIONS) {
    const answer = await ask('POST', '/containers/create', { Image: 'bb', Cmd: ['true'], ...config });
    const isRefused = answer.status === 400 || (isForeign && answer.status === 500);
    if (isRefused && message.test(messageOf(answer))) continue;
    surprises.push(`${JSON.stringify(config)}: ${answer.status} ${answer.body.trim()}, not ${message}`);
  }
  assert.deepEqual(surprises, []);
});

test('bodies that are not what they should be', async () => {
  const bodies = [
    '',
    'null',
    '[]',
    '{',
    '"x"',
    '1',
    '{"a":',
    '[['.repeat(50_000),
    '\u0000',
    '{}',
    '{"Cmd":{}}',
  ];
  const paths = [
    '/containers/create',
    '/containers/nope/exec',
    '/containers/nope/update',
    '/exec/nope/start',
    '/networks/create',
    '/networks/bridge/connect',
    '/volumes/create?x=',
    '/containers/prune?filters=[]',
  ];
  for (const path of paths.filter((path) => !path.startsWith('/volumes') || !isForeign)) {
    for (const body of bodies.filter((body) => !path.startsWith('/volumes') || !acceptsAsVolume(body))) {
      const answer = await ask('POST', path, body, { 'Content-Type': 'application/json' });
      const shown = `POST ${path} ${body.slice(0, 20)}: ${answer.status} ${answer.body}`;
      assert.ok(answer.status >= 400 && (answer.status < 500 || answer.status === 501), shown);
      assert.ok(messageOf(answer).length > 0 && messageOf(answer).length < 500, shown);
    }
  }
});

/** A request without a name makes an anonymous volume, as in Docker. */
function acceptsAsVolume(body: string): boolean {
  return ['', 'null', '{}', '{"Cmd":{}}'].includes(body);
}

test('parameters that are not what they should be', async () => {
  const id = await create('target');
  try {
    await refused('POST', '/containers/target/rename?name=..', 400, /Invalid container name \(\/?\.\.\)/);
    await refused('POST', '/containers/target/stop?t=x', 400, /parsing "x": invalid syntax/);
    await refused('GET', '/containers/target/logs?stdout=1&since=x', 400, /x/);
    await refused('GET', '/v1.99/containers/target/json', 400, /client version 1\.99 is too new/);
    await refused('GET', '/v1.1/containers/target/json', 400, /client version 1\.1 is too old/);
    await refused('POST', '/containers/target/kill?signal=x', 400, /invalid signal: x/i);
    await refused('POST', '/containers/target/kill', 409, /is not running/);
    assert.equal((await ask('POST', `/containers/${id}/start`)).status, 204);
    await refused(
      'POST',
      '/containers/target/kill?signal=99',
      400,
      /does not support signal 99|invalid signal: 99/i,
    );
    await refused('GET', '/containers/target/top?ps_args=-o%20nonsense', 500, /nonsense|ps/);
    assert.match(
      (await docker(engine, ['exec', '-d', '-u', 'nobody-like-this', 'target', 'id'])).stderr,
      /unable to find user nobody-like-this: no matching entries in passwd file/,
    );
  } finally {
    await ask('DELETE', `/containers/${id}?force=1`);
  }
});

test('paths that lead out of the container lead nowhere', async () => {
  const id = await create('jail', { Cmd: ['sleep', '1000'] });
  try {
    for (const path of [
      '../../../../etc/debian_version',
      '/../../etc/shadow',
      '/proc/self/root/../../etc/shadow',
    ]) {
      const answer = await ask('GET', `/containers/jail/archive?path=${encodeURIComponent(path)}`);
      assert.equal(answer.status, 404, `${path}: ${answer.status}`);
    }
    const escape = tarOf(
      { path: 'link', type: 'symlink', linkName: '/tmp' },
      { path: 'link/caisson-was-here', content: 'x' },
    );
    await ask('PUT', '/containers/jail/archive?path=/', escape, { 'Content-Type': 'application/x-tar' });
    assert.equal((await docker(engine, ['cp', 'jail:/tmp/caisson-was-here', '-'])).exitCode, 0);
    await refused(
      'PUT',
      '/containers/jail/archive?path=/nope',
      404,
      /Could not find the file \/nope/,
      escape,
    );
    await refused(
      'PUT',
      '/containers/jail/archive?path=/',
      400,
      /./,
      Buffer.from('this is no tar'.repeat(100)),
    );
  } finally {
    await ask('DELETE', `/containers/${id}?force=1`);
  }
});

test('a port in use refuses the start, and leaves the container as it was', async () => {
  await using server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const where = `127.0.0.1:${address.port}`;
  const name = 'late';
  const outcome = await docker(engine, [
    'run',
    '-d',
    '--name',
    name,
    '-p',
    `${where}:80`,
    'bb',
    'sleep',
    '9',
  ]);
  assert.equal(outcome.exitCode, 125);
  assert.match(
    outcome.stderr,
    new RegExp(`driver failed programming external connectivity on endpoint ${name}`),
  );
  assert.match(outcome.stderr, /port is already allocated|address already in use/);
  assert.equal(await dockerOk(engine, ['inspect', '-f', '{{.State.Status}}', name]), 'created');
  server.close();
  await once(server, 'close');
  await dockerOk(engine, ['start', name]);
  await dockerOk(engine, ['rm', '-f', name]);
});

test('of many who want the same, one gets it', async () => {
  const body = { Image: 'bb', Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' } };
  const creates = Array.from({ length: 12 }, () => ask('POST', '/containers/create?name=wanted', body));
  const statuses = (await Promise.all(creates)).map(({ status }) => status).toSorted((a, b) => a - b);
  assert.deepEqual(statuses, [201, ...Array.from({ length: 11 }, () => 409)]);
  const starts = Array.from({ length: 6 }, () => ask('POST', '/containers/wanted/start'));
  assert.deepEqual(
    (await Promise.all(starts)).map(({ status }) => status).toSorted((a, b) => a - b),
    [204, 304, 304, 304, 304, 304],
  );
  const removals = Array.from({ length: 6 }, () => ask('DELETE', '/containers/wanted?force=1'));
  const removed = (await Promise.all(removals)).map(({ status }) => status);
  assert.ok(removed.includes(204), removed.join(' '));
  assert.ok(
    removed.every((status) => [204, 404, 409].includes(status)),
    removed.join(' '),
  );
});

test('the command line names an unknown flag, command or missing operand', async () => {
  for (const args of [['run', '--nonsense', 'bb'], ['ps', '--nonsense'], ['nonsense'], ['rm']]) {
    const outcome = await docker(engine, args);
    assert.ok(outcome.exitCode === 125 || outcome.exitCode === 1, `${args.join(' ')}: ${outcome.exitCode}`);
  }
  const missing = await docker(engine, ['rm', 'nope']);
  assert.deepEqual(
    [missing.exitCode, missing.stderr],
    [1, 'Error response from daemon: No such container: nope\n'],
  );
});
