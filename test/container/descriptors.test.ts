/* What reaches the processes of containers: their programs, and descriptors that no other process has. */
import assert from 'node:assert/strict';
import { lstatSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { until } from '#base/testing.ts';
import { newExecRequest } from './exec-request.ts';
import { ContainerFixture } from './container-fixture.ts';

let fixture: ContainerFixture;
before(async () => {
  fixture = await ContainerFixture.open();
});
after(async () => {
  await fixture[Symbol.asyncDispose]();
});

/** File systems of the host whose inodes must not be in a container's hands. */
const HOST = ['/dev', '/dev/pts', '/dev/shm', '/tmp'];

/** Every descriptor of a process, as `NUMBER: what it is, where it is`. */
function foreignDescriptors(pid: number): readonly string[] {
  const host = new Set(HOST.map((path) => statSync(path).dev));
  return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    const link = `/proc/${pid}/fd/${name}`;
    const isForeign = Number(name) > 2 || host.has(statSync(link).dev);
    return isForeign ? [`${name}: ${readlinkSync(link)}`] : [];
  });
}

function assertOwn(what: string, pid: number): void {
  assert.ok(lstatSync(`/proc/${pid}/fd/0`).isSymbolicLink());
  assert.deepEqual(foreignDescriptors(pid), [], what);
  for (const name of ['0', '1', '2']) assert.match(readlinkSync(`/proc/${pid}/fd/${name}`), NAMELESS, what);
}

/** What is shown of a descriptor, also within the container: nothing of the host's directories. */
const NAMELESS = /^(pipe:\[\d+\]|(\/dev)?\/null( \(deleted\))?|\/dev\/(console|pts\/\d+))$/;

const SLEEP = ['sleep', '1000'];

/** The kernel shows no arguments for a moment within execve(2). */
async function assertExecuted(pid: number): Promise<void> {
  const commandLine = () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  await until(() => commandLine().length > 0, 'its arguments are to be seen');
  assert.deepEqual(commandLine(), SLEEP);
}

const RUNS: Readonly<Record<string, Record<string, unknown>>> = {
  'without input': {},
  'as a user': { User: '1000' },
  'with input': { OpenStdin: true },
  'with input that ends once': { OpenStdin: true, StdinOnce: true },
  'with a terminal': { Tty: true, OpenStdin: true },
  'with a limit of memory': { HostConfig: { Memory: 64 << 20 } },
};

for (const [what, config] of Object.entries(RUNS)) {
  test(`run ${what}: the program is executed, and has descriptors of its own only`, async () => {
    const id = await fixture.run(SLEEP, config);
    const { Pid } = (await fixture.containers.inspect(id, { size: false })).State;
    await assertExecuted(Pid);
    assertOwn(what, Pid);
  });
}

const EXECS: Readonly<Record<string, Parameters<typeof newExecRequest>[1]>> = {
  'without input': {},
  'as a user': { User: '1000' },
  'with input': { AttachStdin: true },
  'with a terminal': { Tty: true, AttachStdin: true },
};

for (const detach of [false, true]) {
  for (const [what, changes] of Object.entries(EXECS)) {
    const how = `${what}${detach ? ', detached' : ''}`;
    test(`exec ${how}: the program is executed, and has descriptors of its own only`, async () => {
      const container = await fixture.run(SLEEP);
      const { id } = await fixture.containers.createExec(container, newExecRequest(SLEEP, changes));
      using _attachment = await fixture.containers.startExec(id, { detach });
      await until(() => fixture.containers.inspectExec(id).Pid > 0, 'it runs');
      const { Pid } = fixture.containers.inspectExec(id);
      await assertExecuted(Pid);
      assertOwn(how, Pid);
    });
  }
}
