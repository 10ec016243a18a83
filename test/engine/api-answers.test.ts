/** The API's answers as plain HTTP: headers, statuses, error texts. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { importBusybox } from '../support/docker.ts';
import { type Answer, request, requestJson } from '../support/http.ts';
import { RawConnection, requestHead } from '../support/raw-connection.ts';
import { isForeign, startSubject, type Subject } from '../support/subject.ts';

let engine: Subject;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
});

const ask = (
  method: string,
  path: string,
  body?: string | object,
  headers?: Readonly<Record<string, string>>,
) => request(engine.socket, method, path, body, headers);

const messageOf = (answer: Answer): string => JSON.parse(answer.body).message;

async function expectError(
  method: string,
  path: string,
  status: number,
  message: string | RegExp,
  body?: string | object,
) {
  const answer = await ask(method, path, body);
  const shown = `${method} ${path}: ${answer.status} ${answer.body}`;
  assert.equal(answer.status, status, shown);
  assert.equal(answer.headers['content-type'], 'application/json', shown);
  if (typeof message === 'string') assert.equal(messageOf(answer), message);
  else assert.match(messageOf(answer), message);
}

async function create(name: string, body: object = {}): Promise<string> {
  const request = { Image: 'bb', Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' }, ...body };
  const created = await requestJson<{ Id: string }>(
    engine.socket,
    'POST',
    `/containers/create?name=${name}`,
    request,
  );
  return created.Id;
}

async function discard(name: string): Promise<void> {
  await ask('DELETE', `/containers/${name}?force=1&v=1`);
}

test('_ping tells version and features, to GET and HEAD, with a version in the path or not', async () => {
  for (const [method, path] of [
    ['GET', '/_ping'],
    ['HEAD', '/_ping'],
    ['GET', '/v1.24/_ping'],
  ] as const) {
    const { status, headers, body } = await ask(method, path);
    assert.equal(status, 200);
    assert.equal(body, method === 'HEAD' ? '' : 'OK');
    assert.match(String(headers['api-version']), /^1\.\d+$/);
    assert.equal(headers['ostype'], 'linux');
    assert.equal(headers['docker-experimental'], 'false');
    assert.match(String(headers['builder-version']), /^[12]$/);
    assert.equal(headers['swarm'], 'inactive');
    assert.equal(headers['cache-control'], 'no-cache, no-store, must-revalidate');
    assert.equal(headers['pragma'], 'no-cache');
    assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
    assert.match(String(headers['server']), /^\w+\/\S+ \(linux\)$/);
  }
});

test('versions from 1.24 on are spoken, others refused', async () => {
  assert.equal((await ask('GET', '/v1.24/version')).status, 200);
  const { ApiVersion } = JSON.parse((await ask('GET', '/version')).body);
  assert.equal((await ask('GET', `/v${ApiVersion}/version`)).status, 200);
  await expectError(
    'GET',
    '/v1.12/version',
    400,
    'client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
  );
  for (const version of ['1.99', '2', `${ApiVersion}.1`]) {
    const message = `client version ${version} is too new. Maximum supported API version is ${ApiVersion}`;
    await expectError('GET', `/v${version}/version`, 400, message);
  }
});

test('what is no endpoint is not found', async () => {
  for (const [method, path] of [
    ['GET', '/'],
    ['GET', '/nope'],
    ['GET', '/v1.45'],
    ['GET', '/v1.45/nope'],
    ['GET', '/v1.x/version'],
    ['DELETE', '/version'],
    ['PATCH', '/containers/json'],
    ['POST', '/_ping'],
  ] as const) {
    await expectError(method, path, 404, 'page not found');
  }
  assert.equal((await ask('OPTIONS', '/containers/json')).status, 200);
});

test('malformed bodies are refused in words that clients know', async () => {
  const refuses = (body: string | object, message: string | RegExp) =>
    expectError('POST', '/containers/create', 400, message, body);
  await refuses('{', 'invalid JSON: unexpected EOF');
  await refuses('xx', "invalid JSON: invalid character 'x' looking for beginning of value");
  await refuses('{"Image":"bb"} trailing', 'unexpected content after JSON');
  await refuses('null', 'config cannot be empty in order to create a container');
  await refuses(
    { Image: 3 },
    /^invalid JSON: json: cannot unmarshal number into Go struct field .*Image of type string$/,
  );
  await refuses(
    { Image: 'bb', Tty: 'x' },
    /cannot unmarshal string into Go struct field .*Tty of type bool$/,
  );
  await refuses({ Image: 'bb', HostConfig: { Memory: 1024 } }, 'Minimum memory limit allowed is 6MB');
  await expectError('POST', '/containers/create', 400, 'invalid JSON: got EOF while reading request body');
  const plain = await ask('POST', '/containers/create', '{"Image":"bb"}', { 'Content-Type': 'text/plain' });
  assert.equal(plain.status, 400);
  assert.equal(messageOf(plain), "unsupported Content-Type header (text/plain): must be 'application/json'");
});

test('a body without end is cut off', { skip: isForeign }, async () => {
  await expectError('POST', '/containers/create', 400, /larger than 4194304 bytes/, 'x'.repeat(5 << 20));
});

test('malformed queries are refused', async () => {
  await expectError('GET', '/containers/json?filters=x', 400, 'invalid filter');
  await expectError('GET', '/containers/json?filters=[]', 400, 'invalid filter');
  await expectError('GET', '/containers/json?filters={"foo":["a"]}', 400, "invalid filter 'foo'");
  await expectError('GET', '/images/json?filters={"foo":{"a":true}}', 400, "invalid filter 'foo'");
  await expectError('GET', '/networks?filters={"foo":{"a":true}}', 400, "invalid filter 'foo'");
  await expectError('GET', '/volumes?filters={"dangling":["zz"]}', 400, "invalid filter 'dangling=[zz]'");
  await expectError(
    'GET',
    '/containers/json?limit=x',
    isForeign ? 500 : 400,
    'strconv.Atoi: parsing "x": invalid syntax',
  );
  await expectError(
    'GET',
    '/events?since=2&until=1',
    400,
    '`since` time (2) cannot be after `until` time (1)',
  );
  await expectError('GET', '/system/df?type=foo', 400, 'unknown object type: foo');
});

test('what does not exist is not found, each in its words', async () => {
  const container = 'No such container: nope';
  for (const [method, path] of [
    ['GET', '/containers/nope/json'],
    ['POST', '/containers/nope/start'],
    ['POST', '/containers/nope/stop'],
    ['POST', '/containers/nope/wait'],
    ['POST', '/containers/nope/resize?h=1&w=1'],
    ['GET', '/containers/nope/logs?stdout=1'],
    ['GET', '/containers/nope/archive?path=/'],
    ['GET', '/containers/nope/stats?stream=0'],
    ['GET', '/containers/nope/top'],
    ['DELETE', '/containers/nope'],
  ] as const) {
    await expectError(method, path, 404, container);
  }
  await expectError('POST', '/containers/nope/exec', 404, container, { Cmd: ['ls'] });
  await expectError('GET', '/exec/nope/json', 404, 'No such exec instance: nope');
  await expectError('POST', '/exec/nope/start', 404, 'No such exec instance: nope', {});
  await expectError('GET', '/images/nope/json', 404, 'No such image: nope:latest');
  await expectError('DELETE', '/images/nope', 404, 'No such image: nope:latest');
  await expectError('POST', '/images/nope/tag?repo=x&tag=y', 404, 'No such image: nope:latest');
  await expectError('GET', '/images/get?names=nope', 404, /^No such image: nope/);
  await expectError('POST', '/containers/create', 404, 'No such image: nope:latest', { Image: 'nope' });
  await expectError('GET', '/networks/nope', 404, 'network nope not found');
  await expectError('GET', '/volumes/nope', 404, 'get nope: no such volume');
  await expectError('DELETE', '/volumes/nope', 404, 'get nope: no such volume');
  await expectError('GET', '/plugins/nope/json', 404, 'plugin "nope" not found');
});

test('a container in the wrong state conflicts', async () => {
  const id = await create('wrong');
  try {
    await expectError(
      'POST',
      '/containers/wrong/kill',
      409,
      `cannot kill container: wrong: container ${id} is not running`,
    );
    await expectError('POST', '/containers/wrong/exec', 409, `container ${id} is not running`, {
      Cmd: ['ls'],
    });
    assert.equal((await ask('POST', '/containers/wrong/stop')).status, 304);
    await expectError(
      'POST',
      '/containers/create?name=wrong',
      409,
      /^Conflict\. The container name "\/wrong" is already in use by container "[0-9a-f]{64}"\. You have to remove \(or rename\) that container/,
      {
        Image: 'bb',
        Cmd: ['true'],
      },
    );
    await expectError(
      'POST',
      '/containers/wrong/rename?name=wrong',
      400,
      'Renaming a container with the same name as its current name',
    );
    await expectError('POST', '/containers/wrong/rename', 400, 'Neither old nor new names may be empty');
    assert.equal((await ask('POST', '/containers/wrong/start')).status, 204);
    assert.equal((await ask('POST', '/containers/wrong/start')).status, 304);
    await expectError(
      'DELETE',
      '/containers/wrong',
      409,
      'cannot remove container "/wrong": container is running: stop the container before removing or force remove',
    );
    await expectError('POST', '/containers/wrong/kill?signal=FOO', 400, /invalid signal: FOO/i);
    await expectError('POST', '/containers/wrong/wait?condition=foo', 400, 'invalid condition: "foo"');
    await expectError(
      'POST',
      '/containers/wrong/resize?h=x&w=1',
      400,
      'strconv.Atoi: parsing "x": invalid syntax',
    );
    await expectError(
      'GET',
      '/containers/wrong/logs',
      400,
      'Bad parameters: you must choose at least one stream',
    );
    await expectError('POST', '/containers/wrong/exec', 400, 'No exec command specified', {});
    await expectError(
      'GET',
      '/containers/wrong/archive?path=/nope',
      404,
      'Could not find the file /nope in container wrong',
    );
    assert.equal((await ask('POST', '/containers/wrong/resize?h=10&w=10')).status, 200);
    assert.equal((await ask('DELETE', '/containers/wrong?force=1')).status, 204);
  } finally {
    await discard('wrong');
  }
});

test('the archive endpoints describe a file in a header, and an absent one in JSON headers', async () => {
  await create('files');
  try {
    const found = await ask('HEAD', '/containers/files/archive?path=/etc');
    assert.equal(found.status, 200);
    const header = String(found.headers['x-docker-container-path-stat']);
    const stat = JSON.parse(Buffer.from(header, 'base64').toString());
    assert.equal(stat.name, 'etc');
    assert.equal(stat.mode, 2147483648 + 0o755);
    assert.equal(stat.linkTarget, '');
    const absent = await ask('HEAD', '/containers/files/archive?path=/nope');
    assert.equal(absent.status, 404);
    assert.equal(absent.headers['content-type'], 'application/json');
    await expectError('GET', '/containers/files/archive', 400, /^bad parameter: path/);
    const tar = await ask('GET', '/containers/files/archive?path=/etc/passwd');
    assert.equal(tar.headers['content-type'], 'application/x-tar');
    assert.match(tar.body, /^passwd\0/);
  } finally {
    await discard('files');
  }
});

test('what the engine lacks answers as Docker does where it is off', async () => {
  const noSwarm =
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
  for (const path of ['/swarm', '/nodes', '/services', '/tasks', '/secrets', '/configs', '/nodes/x']) {
    await expectError('GET', path, 503, noSwarm);
  }
  await expectError('POST', '/swarm/leave', 503, 'This node is not part of a swarm');
  assert.equal((await ask('GET', '/plugins')).body, '[]\n');
  assert.equal((await ask('POST', '/build/prune')).body, '{"CachesDeleted":null,"SpaceReclaimed":0}\n');
  assert.equal((await ask('POST', '/networks/prune')).status, 200);
  await expectError('POST', '/build/cancel', 400, 'build ID not provided');
  await expectError('DELETE', '/networks/none', 403, 'none is a pre-defined network and cannot be removed');
});

test('a request for h2c is answered in HTTP/1.1, and the connection lives on', async () => {
  using connection = new RawConnection(engine.socket);
  const headers = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'x' };
  connection.send(requestHead('GET /_ping', headers));
  assert.match(await connection.takeUntil('\r\n\r\nOK'), /^HTTP\/1\.1 200 OK/);
  connection.send(requestHead('GET /nope', { Connection: 'close' }));
  assert.match((await connection.takeAll()).toString(), /^HTTP\/1\.1 404 Not Found[\s\S]*page not found/);
});

test('half a megabyte of query is read, garbage is refused', async () => {
  assert.equal((await ask('GET', `/_ping?x=${'a'.repeat(500_000)}`)).status, 200);
  using connection = new RawConnection(engine.socket);
  connection.send('hello\r\n\r\n');
  assert.match((await connection.takeAll()).toString(), /^HTTP\/1\.1 400 Bad Request/);
});

test('an upload that fails early gets its answer, and the connection lives on', async () => {
  await create('upload');
  try {
    using connection = new RawConnection(engine.socket);
    connection.send(
      requestHead('PUT /containers/upload/archive?path=/nope', { 'Transfer-Encoding': 'chunked' }),
    );
    const chunk = `10000\r\n${'x'.repeat(65536)}\r\n`;
    for (let count = 0; count < 64; count++) connection.send(chunk);
    connection.send('0\r\n\r\n');
    assert.match(await connection.takeUntil('container upload'), /^HTTP\/1\.1 404 Not Found/);
    if (isForeign) return;
    connection.send(requestHead('GET /_ping', { Connection: 'close' }));
    assert.match((await connection.takeAll()).toString(), /HTTP\/1\.1 200 OK/);
  } finally {
    await discard('upload');
  }
});
