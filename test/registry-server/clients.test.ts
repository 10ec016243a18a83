import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { setUser } from '../../src/registry-server/htpasswd.ts';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import { digestOf, Served } from './served.ts';

const run = promisify(execFile);

function isInstalled(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0;
}

/** @returns true if the test cannot run here */
function skipsWithout(context: TestContext, program: string): boolean {
  if (isInstalled(program)) return false;
  context.skip(`${program} is not installed`);
  return true;
}

describe('clients of a registry', () => {
  let directory = '';
  let archive = '';
  let served: Served;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'caisson-registry-clients-'));
    archive = join(directory, 'image.tar');
    const layers = [1, 2, 3].map((number) =>
      tarOf({ path: `file${number}`, content: Buffer.alloc(200_000, number) }),
    );
    writeFileSync(archive, dockerArchive({ reference: 'test/image:v1', layers }));
    const htpasswd = join(directory, 'users');
    await setUser(htpasswd, 'ada', 'secret');
    served = await Served.start({ htpasswd, tls: { kind: 'self-signed' } });
    const certificates = join(directory, 'certs');
    mkdirSync(certificates);
    writeFileSync(join(certificates, 'ca.crt'), served.registry.certificate ?? '');
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const image = () => `docker://localhost:${served.registry.port}`;

  it('skopeo copies in and out, inspects, lists and deletes', async (context) => {
    if (skipsWithout(context, 'skopeo')) return;
    const login = ['--creds', 'ada:secret', '--cert-dir', join(directory, 'certs')];
    const source = ['--src-creds', 'ada:secret', '--src-cert-dir', join(directory, 'certs')];
    const target = ['--dest-creds', 'ada:secret', '--dest-cert-dir', join(directory, 'certs')];
    await run('skopeo', ['copy', ...target, `docker-archive:${archive}`, `${image()}/s/image:v1`]);
    await run('skopeo', ['copy', ...source, ...target, `${image()}/s/image:v1`, `${image()}/s/copy:v2`]);
    const { stdout } = await run('skopeo', ['inspect', ...login, `${image()}/s/copy:v2`]);
    assert.equal(JSON.parse(stdout).Layers.length, 3);
    const raw = await run('skopeo', ['inspect', '--raw', ...login, `${image()}/s/image:v1`]);
    assert.equal(JSON.parse(stdout).Digest, digestOf(Buffer.from(raw.stdout)));
    const tags = await run('skopeo', ['list-tags', ...login, `${image()}/s/copy`]);
    assert.deepEqual(JSON.parse(tags.stdout).Tags, ['v2']);
    await run('skopeo', ['copy', ...source, `${image()}/s/copy:v2`, `dir:${directory}/out`]);
    assert.equal(digestOf(readFileSync(`${directory}/out/manifest.json`)), JSON.parse(stdout).Digest);
    await run('skopeo', ['delete', ...login, `${image()}/s/copy:v2`]);
    await assert.rejects(run('skopeo', ['inspect', ...login, `${image()}/s/copy:v2`]), /manifest unknown/);
    await assert.rejects(
      run('skopeo', [
        'inspect',
        '--creds',
        'ada:wrong',
        '--cert-dir',
        join(directory, 'certs'),
        `${image()}/s/image:v1`,
      ]),
      /authentication required|unauthorized/i,
    );
  });

  it('podman logs in, pushes and pulls', async (context) => {
    if (skipsWithout(context, 'podman')) return;
    const storage = ['--root', join(directory, 'podman'), '--runroot', join(directory, 'podman-run')];
    const podman = (...args: readonly string[]) =>
      run('podman', [...storage, '--storage-driver', 'vfs', ...args], {
        env: { ...process.env, REGISTRY_AUTH_FILE: join(directory, 'auth.json') },
      });
    const certificates = ['--cert-dir', join(directory, 'certs')];
    const host = `localhost:${served.registry.port}`;
    await podman('login', ...certificates, '-u', 'ada', '-p', 'secret', host);
    await podman('load', '-q', '-i', archive);
    await podman('tag', 'test/image:v1', `${host}/p/image:v1`);
    await podman('push', '-q', ...certificates, `${host}/p/image:v1`);
    const { stdout: before } = await podman('images', '-q', '--no-trunc', `${host}/p/image`);
    await podman('rmi', '-f', '-a');
    await podman('pull', '-q', ...certificates, `${host}/p/image:v1`);
    const { stdout: pulled } = await podman('images', '-q', '--no-trunc', `${host}/p/image`);
    assert.equal(pulled, before);
    await podman('rmi', '-f', '-a');
  });

  it('docker logs in, pushes and pulls', async (context) => {
    if (skipsWithout(context, 'docker') || skipsWithout(context, 'dockerd')) return;
    await using daemon = await DockerDaemon.start();
    const docker = (...args: readonly string[]) =>
      run('docker', ['-H', daemon.host, ...args], {
        env: { ...process.env, DOCKER_CONFIG: join(directory, 'docker-config') },
      });
    const host = `127.0.0.1:${served.registry.port}`;
    // What Docker prints is about plain HTTP, which it falls back to on loopback.
    await assert.rejects(docker('login', '-u', 'ada', '-p', 'wrong', host));
    await docker('login', '-u', 'ada', '-p', 'secret', host);
    await docker('load', '-q', '-i', archive);
    await docker('tag', 'test/image:v1', `${host}/d/image:v1`);
    await docker('push', '-q', `${host}/d/image:v1`);
    await docker('tag', 'test/image:v1', `${host}/d/mounted:v1`);
    assert.match((await docker('push', `${host}/d/mounted:v1`)).stdout, /Mounted from d\/image/);
    const { stdout: before } = await docker('images', '-q', '--no-trunc', `${host}/d/image`);
    await docker('rmi', '-f', before.trim());
    await docker('pull', '-q', `${host}/d/image:v1`);
    assert.equal((await docker('images', '-q', '--no-trunc', `${host}/d/image`)).stdout, before);
  });
});
