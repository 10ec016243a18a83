/** BuildKit over TLS: the connection is taken over with its encryption. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeCertificate } from '../support/certificate.ts';
import { TestDaemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { importBusybox, runProgram } from '../support/docker.ts';

const scratch = mkdtempSync('/tmp/caisson-buildx-tls-');
let engine: TestDaemon;
let port: number;

before(async () => {
  const { key, cert, ca } = makeCertificate(scratch);
  port = await freePort();
  const files = ['--tlskey', key, '--tlscert', cert, '--tlscacert', ca];
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
