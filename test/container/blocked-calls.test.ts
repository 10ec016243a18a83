/** What containers are told of system calls that they may not make, by the kernel. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { startSubject, type Subject } from '../support/subject.ts';

const EPERM = 1;
const ENOSYS = 38;
const program = join(import.meta.dirname, 'calls.program.ts');

let engine: Subject;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

after(async () => {
  await engine[Symbol.asyncDispose]();
});

/** The errno of each call, 0 where it succeeds. */
async function errnos(...flags: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const host = ['--rm', '--network', 'none', '-v', '/:/host', ...flags];
  const inHost = ['chroot', '/host', process.execPath, program];
  return JSON.parse(await dockerOk(engine, ['run', ...host, 'bb', ...inHost]));
}

test('what is blocked is forbidden; only clone3 does not exist, since its flags cannot be looked at', async () => {
  assert.deepEqual(await errnos(), {
    clone: EPERM,
    syslog: EPERM,
    add_key: EPERM,
    unshare: EPERM,
    perf_event_open: EPERM,
    io_uring_setup: EPERM,
    clone3: ENOSYS,
  });
});

async function brings(capability: string, name: string): Promise<void> {
  const found = await errnos('--cap-add', capability);
  assert.notEqual(found[name], EPERM, `${capability} ${name}`);
}

test('SYS_ADMIN and PERFMON bring perf_event_open, SYSLOG brings syslog', async () => {
  await brings('SYS_ADMIN', 'perf_event_open');
  await brings('PERFMON', 'perf_event_open');
  await brings('SYSLOG', 'syslog');
});
