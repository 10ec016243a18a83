/** BuildKit over TLS: the connection is taken over with its encryption. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { importBusybox, runProgram } from '../support/docker.ts';

const scratch = mkdtempSync('/tmp/caisson-buildx-tls-');
let engine: TestDaemon;
let port: number;

/** Its own authority, for both sides. */
function makeCertificate(): void {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', join(scratch, 'key.pem'), '-out', join(scratch, 'cert.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', ['req', '-x509', '-days', '1', ...key, ...files, ...subject], { stdio: 'ignore' });
  copyFileSync(join(scratch, 'cert.pem'), join(scratch, 'ca.pem'));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

before(async () => {
  makeCertificate();
  port = await freePort();
  const [key, cert, ca] = ['key.pem', 'cert.pem', 'ca.pem'].map((name) => join(scratch, name));
  const files = ['--tlskey', key ?? '', '--tlscert', cert ?? '', '--tlscacert', ca ?? ''];
  engine = await TestDaemon.start('--host', `tcp://127.0.0.1:${port}`, '--tlsverify', ...files);
  await importBusybox(engine);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

test('builds over TLS, several at once; the key stays out of the log', async () => {
  const directory = mkdtempSync(join(scratch, 'context-'));
  writeFileSync(join(directory, 'Dockerfile'), 'FROM bb\nCOPY f /f\nARG N\nRUN cat /f | wc -c; echo $N\n');
  writeFileSync(join(directory, 'f'), Buffer.alloc(3_000_000, 'x'));
  const env = { DOCKER_HOST: `tcp://127.0.0.1:${port}`, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: scratch };
  const builds = ['1', '2', '3'].map((number) =>
    runProgram('docker', ['build', '--progress', 'plain', '--build-arg', `N=${number}`, directory], { env }),
  );
  for (const { exitCode, stderr } of await Promise.all(builds)) {
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, / 3000000$/m);
  }
  const log = engine.log();
  assert.match(log, new RegExp(`tcp://127.0.0.1:${port}`));
  const keyBytes = [...Buffer.from('PRIVATE KEY')].join(',');
  assert.ok(!log.includes(keyBytes) && !log.includes('PRIVATE KEY'));
});
