import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { digestOf, type ErrorBody, readJson, Served } from './served.ts';

const program = join(import.meta.dirname, '../../bin/caisson-registry');

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-registry-access-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function basic(name: string, password: string): RequestInit {
  return { headers: { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` } };
}

function userCommand(...args: readonly string[]): {
  readonly status: number | null;
  readonly stderr: string;
} {
  return spawnSync(program, ['user', ...args, '--htpasswd', join(directory, 'users')], {
    input: 'pass: wörd\n',
    encoding: 'utf8',
  });
}

describe('users of a registry', () => {
  it('get in with their password, as long as they are users', async () => {
    const htpasswd = join(directory, 'users');
    assert.equal(userCommand('add', 'ada').status, 0);
    assert.equal(statSync(htpasswd).mode & 0o777, 0o600);
    await using served = await Served.start({ htpasswd });
    const challenge = await served.ask('GET', '/v2/');
    assert.equal(challenge.status, 401);
    assert.match(challenge.headers.get('www-authenticate') ?? '', /^Basic realm="/);
    assert.equal((await readJson<ErrorBody>(challenge)).errors[0]?.code, 'UNAUTHORIZED');
    await served.expect(200, 'GET', '/v2/', basic('ada', 'pass: wörd'));
    await served.expect(200, 'GET', '/v2/', basic('ada', 'pass: wörd'));
    for (const [name, password] of [
      ['ada', 'pass'],
      ['bob', 'pass: wörd'],
      ['', ''],
    ] as const)
      assert.equal(await served.errorOf('GET', '/v2/', basic(name, password)), '401 UNAUTHORIZED');
    // A client without access does not learn what exists either.
    assert.equal(await served.errorOf('GET', '/v2/none/tags/list'), '401 UNAUTHORIZED');
    assert.equal(userCommand('rm', 'ada').status, 0);
    assert.equal(await served.errorOf('GET', '/v2/', basic('ada', 'pass: wörd')), '401 UNAUTHORIZED');
    assert.equal(userCommand('rm', 'ada').status, 1);
  });

  it('are read again when the file changes; hashes that are too weak do not count', async () => {
    const htpasswd = join(directory, 'users');
    writeFileSync(htpasswd, '# a comment\nbob:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=\n');
    await using served = await Served.start({ htpasswd });
    assert.equal(await served.errorOf('GET', '/v2/', basic('bob', 'admin')), '401 UNAUTHORIZED');
    writeFileSync(htpasswd, 'u:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n');
    utimesSync(htpasswd, 1, 1);
    await served.expect(200, 'GET', '/v2/', basic('u', 'U*U'));
  });

  it('are refused where the file or a name is missing or malformed', async () => {
    await assert.rejects(Served.start({ htpasswd: join(directory, 'none') }), /no such file/);
    assert.equal(userCommand('add', 'a:b').status, 2);
    assert.equal(userCommand('add').status, 2);
  });
});

describe('TLS of a registry', () => {
  it('works with a certificate that it made itself, and keeps it', async () => {
    const root = join(directory, 'root');
    const certificates: string[] = [];
    for (const names of [[], [], ['registry.example']]) {
      await using served = await Served.start({ root, tls: { kind: 'self-signed', names } });
      const { certificate = '', port } = served.registry;
      certificates.push(certificate);
      assert.equal(await statusOver(port, certificate), 200);
    }
    assert.equal(certificates[0], certificates[1]);
    assert.notEqual(certificates[1], certificates[2]);
    const last = new X509Certificate(certificates[2] ?? '');
    for (const name of ['registry.example', 'localhost']) assert.equal(last.checkHost(name), name);
    assert.ok(last.checkIP('127.0.0.1') && last.checkIP('::1'));
    assert.equal(statSync(join(root, 'tls/key.pem')).mode & 0o777, 0o600);
  });

  it('serves blobs with it, and with a certificate from files', async () => {
    const root = join(directory, 'root');
    await using first = await Served.start({ root, tls: { kind: 'self-signed' } });
    await first.registry[Symbol.asyncDispose]();
    const tls = {
      kind: 'files',
      certificate: join(root, 'tls/cert.pem'),
      key: join(root, 'tls/key.pem'),
    } as const;
    await using served = await Served.start({ root, tls });
    const ca = readFileSync(tls.certificate, 'utf8');
    const content = randomBytes(3_000_000);
    const options = { ca, port: served.registry.port, host: 'localhost' };
    const digest = digestOf(content);
    const pushed = request({ ...options, method: 'POST', path: `/v2/t/blobs/uploads/?digest=${digest}` });
    pushed.end(content);
    assert.equal((await responseOf(pushed)).statusCode, 201);
    const pulled = request({ ...options, path: `/v2/t/blobs/${digest}` });
    pulled.end();
    assert.deepEqual(await buffer(await responseOf(pulled)), content);
  });

  it('satisfies other implementations', async (context) => {
    if (spawnSync('openssl', ['version']).status !== 0) return context.skip('openssl is not installed');
    const root = join(directory, 'root');
    await using served = await Served.start({ root, tls: { kind: 'self-signed' } });
    const path = join(root, 'tls/cert.pem');
    const verified = execFileSync('openssl', [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-CAfile',
      path,
      path,
    ]);
    assert.match(verified.toString(), /OK/);
    assert.ok(served.registry.port);
  });
});

async function statusOver(port: number, ca: string): Promise<number | undefined> {
  const asked = request({ ca, port, host: 'localhost', path: '/v2/' });
  asked.end();
  const response = await responseOf(asked);
  response.resume();
  return response.statusCode;
}

function responseOf(asked: ReturnType<typeof request>): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  asked.once('response', resolve);
  asked.once('error', reject);
  return promise;
}
