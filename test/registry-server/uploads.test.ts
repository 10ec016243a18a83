import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bodyOf, digestOf, Served } from './served.ts';

const MEBIBYTE = 1024 * 1024;

describe('uploads to a registry', () => {
  let served: Served;
  before(async () => {
    served = await Served.start({ limits: { maximumBlobBytes: 8 * MEBIBYTE, maximumUploads: 4 } });
  });
  after(() => served[Symbol.asyncDispose]());

  const open = async (repository: string) => {
    const response = await served.expect(202, 'POST', `/v2/${repository}/blobs/uploads/`);
    assert.equal(response.headers.get('range'), '0-0');
    assert.ok(response.headers.get('docker-upload-uuid'));
    return response.headers.get('location') ?? '';
  };
  const readBack = async (repository: string, digest: string) =>
    Buffer.from(await (await served.expect(200, 'GET', `/v2/${repository}/blobs/${digest}`)).arrayBuffer());

  it('takes a blob in one request', async () => {
    const content = randomBytes(3 * MEBIBYTE);
    const digest = digestOf(content);
    const response = await served.expect(201, 'POST', `/v2/up/whole/blobs/uploads/?digest=${digest}`, {
      body: bodyOf(content),
    });
    assert.equal(response.headers.get('location'), `/v2/up/whole/blobs/${digest}`);
    assert.equal(response.headers.get('docker-content-digest'), digest);
    assert.deepEqual(await readBack('up/whole', digest), content);
  });

  it('takes a blob as one PUT of a session', async () => {
    const content = randomBytes(100_000);
    const location = await open('up/put');
    await served.expect(201, 'PUT', `${location}?digest=${digestOf(content)}`, { body: bodyOf(content) });
    assert.deepEqual(await readBack('up/put', digestOf(content)), content);
  });

  it('takes a blob in parts, and tells how far it is', async () => {
    const content = randomBytes(2 * MEBIBYTE + 17);
    const location = await open('up/parts');
    const parts = [content.subarray(0, 10), content.subarray(10, MEBIBYTE), content.subarray(MEBIBYTE)];
    let offset = 0;
    for (const part of parts) {
      const end = offset + part.length - 1;
      const headers = { 'content-range': `${offset}-${end}` };
      const response = await served.expect(202, 'PATCH', location, { headers, body: bodyOf(part) });
      assert.equal(response.headers.get('range'), `0-${end}`);
      assert.equal((await served.expect(204, 'GET', location)).headers.get('range'), `0-${end}`);
      offset += part.length;
    }
    await served.expect(201, 'PUT', `${location}?digest=${digestOf(content)}`);
    assert.deepEqual(await readBack('up/parts', digestOf(content)), content);
    assert.equal(await served.errorOf('GET', location), '404 BLOB_UPLOAD_UNKNOWN');
  });

  it('refuses a part that does not continue, and tells where to', async () => {
    const location = await open('up/order');
    await served.expect(202, 'PATCH', location, { body: bodyOf(Buffer.alloc(100)) });
    const headers = { 'content-range': '200-299' };
    const response = await served.expect(416, 'PATCH', location, {
      headers,
      body: bodyOf(Buffer.alloc(100)),
    });
    assert.equal(response.headers.get('range'), '0-99');
    assert.equal(response.headers.get('location'), location);
    const wrong = { headers: { 'content-range': '100-120' }, body: bodyOf(Buffer.alloc(100)) };
    assert.equal(await served.errorOf('PATCH', location, wrong), '400 SIZE_INVALID');
    const garbage = { headers: { 'content-range': 'x' }, body: bodyOf(Buffer.alloc(100)) };
    assert.equal(await served.errorOf('PATCH', location, garbage), '400 BLOB_UPLOAD_INVALID');
    await served.expect(204, 'DELETE', location);
  });

  it('keeps nothing of a blob with another digest, or without one', async () => {
    const location = await open('up/wrong');
    const body = bodyOf(randomBytes(200_000));
    const wrong = digestOf(Buffer.from('other'));
    assert.equal(await served.errorOf('PUT', location, { body }), '400 DIGEST_INVALID');
    assert.equal(await served.errorOf('PUT', `${location}?digest=md5:00`, { body }), '400 DIGEST_INVALID');
    assert.equal(await served.errorOf('PUT', `${location}?digest=${wrong}`, { body }), '400 DIGEST_INVALID');
    assert.equal(await served.errorOf('GET', location), '404 BLOB_UPLOAD_UNKNOWN');
    assert.equal(
      await served.errorOf('POST', `/v2/up/wrong/blobs/uploads/?digest=${wrong}`, { body }),
      '400 DIGEST_INVALID',
    );
    assert.equal(await served.errorOf('GET', `/v2/up/wrong/blobs/${wrong}`), '404 NAME_UNKNOWN');
    assert.deepEqual(readdirSync(join(served.root, 'ingest')), []);
  });

  it('cancels', async () => {
    const location = await open('up/cancel');
    await served.expect(202, 'PATCH', location, { body: bodyOf(randomBytes(MEBIBYTE)) });
    await served.expect(204, 'DELETE', location);
    assert.equal(await served.errorOf('DELETE', location), '404 BLOB_UPLOAD_UNKNOWN');
    assert.deepEqual(readdirSync(join(served.root, 'ingest')), []);
  });

  it('knows a session only in its repository', async () => {
    const location = await open('up/mine');
    assert.equal(
      await served.errorOf('GET', location.replace('up/mine', 'up/yours')),
      '404 BLOB_UPLOAD_UNKNOWN',
    );
    await served.expect(204, 'DELETE', location);
  });

  it('mounts what another repository has', async () => {
    const digest = await served.pushBlob('up/source', randomBytes(1000));
    const mount = `/v2/up/target/blobs/uploads/?mount=${digest}`;
    const mounted = await served.expect(201, 'POST', `${mount}&from=up/source`);
    assert.equal(mounted.headers.get('location'), `/v2/up/target/blobs/${digest}`);
    await served.expect(201, 'POST', mount.replace('target', 'anywhere'));
    const absent = await served.expect(202, 'POST', `${mount}&from=up/nowhere`);
    await served.expect(204, 'DELETE', absent.headers.get('location') ?? '');
  });

  it('bounds blobs and sessions', async () => {
    const body = bodyOf(Buffer.alloc(9 * MEBIBYTE));
    assert.equal(
      await served.errorOf('POST', `/v2/up/big/blobs/uploads/?digest=${digestOf(Buffer.alloc(0))}`, { body }),
      '413 SIZE_INVALID',
    );
    const location = await open('up/big');
    assert.equal(await served.errorOf('PATCH', location, { body }), '413 SIZE_INVALID');
    assert.deepEqual(readdirSync(join(served.root, 'ingest')), []);
    const locations = await Promise.all([1, 2, 3, 4].map(() => open('up/many')));
    assert.equal(await served.errorOf('POST', '/v2/up/many/blobs/uploads/'), '429 TOOMANYREQUESTS');
    for (const each of locations) await served.expect(204, 'DELETE', each);
  });

  it('continues after the connection was cut, and cuts off a connection that hangs', async () => {
    const content = randomBytes(4 * MEBIBYTE);
    const location = await open('up/cut');
    const hanging = request(`${served.url}${location}`, {
      method: 'PATCH',
      headers: { 'content-length': content.length },
    });
    const failed = once(hanging, 'error');
    hanging.write(content.subarray(0, MEBIBYTE));
    let offset = 0;
    while (offset < MEBIBYTE) offset = await offsetOf(location);
    assert.equal(offset, MEBIBYTE);
    const headers = { 'content-range': `${offset}-${content.length - 1}` };
    await served.expect(202, 'PATCH', location, { headers, body: bodyOf(content.subarray(offset)) });
    await failed;
    await served.expect(201, 'PUT', `${location}?digest=${digestOf(content)}`);
    assert.deepEqual(await readBack('up/cut', digestOf(content)), content);
  });

  const offsetOf = async (location: string): Promise<number> => {
    const range = (await served.expect(204, 'GET', location)).headers.get('range') ?? '';
    return range === '0-0' ? 0 : Number(range.slice(2)) + 1;
  };

  it('does not ask for a body that it will refuse', async () => {
    const socket = connect(served.registry.port, '127.0.0.1');
    socket.write(
      'PUT /v2/up/expect/blobs/uploads/00000000-0000-0000-0000-000000000000?digest=x HTTP/1.1\r\n' +
        'Host: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n',
    );
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    assert.match(answer, /^HTTP\/1\.1 404 /);
    assert.match(answer, /Connection: close/i);
  });

  it('keeps sessions over a restart', async () => {
    const content = randomBytes(2 * MEBIBYTE);
    let location = '';
    let root = '';
    {
      await using first = await Served.start({ root: join(served.root, 'restarted') });
      root = first.root;
      location =
        (await first.expect(202, 'POST', '/v2/re/start/blobs/uploads/')).headers.get('location') ?? '';
      await first.expect(202, 'PATCH', location, { body: bodyOf(content.subarray(0, 1_500_000)) });
    }
    await using second = await Served.start({ root });
    assert.equal((await second.expect(204, 'GET', location)).headers.get('range'), '0-1499999');
    const url = `${location}?digest=${digestOf(content)}`;
    await second.expect(201, 'PUT', url, { body: bodyOf(content.subarray(1_500_000)) });
  });
});
