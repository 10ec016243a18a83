import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { ExecRequest } from '#wire/decode-exec.ts';
import { until } from '#base/testing.ts';
import { ContainerFixture, collect } from './container-fixture.ts';
import { newExecRequest } from './exec-request.ts';

let fixture: ContainerFixture;
let id: string;
before(async () => {
  fixture = await ContainerFixture.open();
  id = await fixture.run(['sleep', '1000'], { Env: ['FROM=container'] });
});
after(async () => {
  await fixture[Symbol.asyncDispose]();
});

async function exec(cmd: readonly string[], changes: Partial<ExecRequest> = {}, input?: string, of = id) {
  const { id: execId } = await fixture.containers.createExec(of, newExecRequest(cmd, changes));
  const attachment = await fixture.containers.startExec(execId, { detach: false });
  if (input !== undefined) attachment!.input!.end(Buffer.from(input));
  const output = await collect(attachment!);
  // As clients do: they ask as soon as the stream has ended.
  return { ...output, exitCode: fixture.containers.inspectExec(execId).ExitCode, execId };
}

test('output, exit code and events', async () => {
  const { stdout, stderr, exitCode, execId } = await exec(['sh', '-c', 'echo out; echo err >&2; exit 3']);
  assert.deepEqual([stdout, stderr, exitCode], ['out\n', 'err\n', 3]);
  const events = fixture.events.filter(({ attributes }) => attributes['execID'] === execId);
  const command = 'sh -c echo out; echo err >&2; exit 3';
  assert.deepEqual(
    events.map(({ action }) => action),
    [`exec_create: ${command}`, `exec_start: ${command}`, 'exec_die'],
  );
  assert.equal(events.at(-1)?.attributes['exitCode'], '3');
});

test('stdin, and its end', async () => {
  const { stdout, exitCode } = await exec(['cat'], { AttachStdin: true }, 'piped\n');
  assert.deepEqual([stdout, exitCode], ['piped\n', 0]);
});

test('user, directory and environment', async () => {
  const { stdout } = await exec(['sh', '-c', 'id -u; pwd; echo $FROM $OWN'], {
    User: 'user',
    WorkingDir: '/tmp',
    Env: ['OWN=exec'],
  });
  assert.equal(stdout, '1000\n/tmp\ncontainer exec\n');
  const failed = await exec(['true'], { User: 'nobody-here' });
  assert.match(failed.stdout, /unable to find user nobody-here/);
  assert.equal(failed.exitCode, 126);
});

test('a terminal', async () => {
  // crun gives an exec's terminal its size when the process may be running already; until then it has none.
  const script = 'until stty size 2>/dev/null | grep .; do usleep 10000; done; exit 5';
  const { id: execId } = await fixture.containers.createExec(
    id,
    newExecRequest(['sh', '-c', script], { Tty: true, ConsoleSize: [33, 99] }),
  );
  const size = { rows: 44, columns: 111 };
  const attachment = await fixture.containers.startExec(execId, {
    detach: false,
    consoleSize: size,
  });
  assert.deepEqual(await collect(attachment!), { stdout: '44 111\r\n', stderr: '' });
  assert.equal(fixture.containers.inspectExec(execId).ExitCode, 5);
});

test('what cannot be executed: in the output attached, an error detached', async () => {
  const prefix = 'OCI runtime exec failed: exec failed: unable to start container process: exec: ';
  const text = `${prefix}"nope": executable file not found in $PATH: unknown`;
  const { stdout, exitCode } = await exec(['nope']);
  assert.deepEqual([stdout, exitCode], [`${text}\r\n`, 127]);
  assert.equal((await exec(['/etc/passwd'])).exitCode, 126);
  const { id: execId } = await fixture.containers.createExec(id, newExecRequest(['nope']));
  const detached = fixture.containers.startExec(execId, { detach: true });
  await assert.rejects(detached, { code: 'invalid', message: text });
});

test('an interpreter that is not there is named; one that the container has mounted itself is there', async () => {
  const own = await fixture.run(['sleep', '1000'], { HostConfig: { CapAdd: ['SYS_ADMIN'] } });
  const script = 'printf "#!/opt/tools/sh\\necho works\\n" >/script; chmod +x /script; mkdir -p /opt/tools';
  const { stderr } = await exec(['sh', '-c', script], {}, undefined, own);
  assert.equal(stderr, '');
  const without = await exec(['/script'], {}, undefined, own);
  assert.match(
    without.stdout,
    /"\/opt\/tools\/sh", the interpreter that its first line names, is not in the/,
  );
  assert.equal(without.exitCode, 127);
  const mount = 'mount -t tmpfs none /opt/tools && cp /bin/busybox /opt/tools/sh';
  assert.deepEqual((await exec(['sh', '-c', mount], {}, undefined, own)).stderr, '');
  assert.equal((await exec(['/script'], {}, undefined, own)).stdout, 'works\n');
  await fixture.containers.remove(own, { force: true, volumes: false, link: false });
});

test('detached it runs, and is known', async () => {
  const { id: execId } = await fixture.containers.createExec(id, newExecRequest(['sleep', '1000']));
  const options = { detach: true };
  assert.equal(await fixture.containers.startExec(execId, options), undefined);
  const { Running, Pid, ExitCode } = fixture.containers.inspectExec(execId);
  assert.ok(Running && Pid > 0 && ExitCode === null);
  assert.ok((await fixture.containers.inspect(id, { size: false })).ExecIDs?.includes(execId));
  await assert.rejects(fixture.containers.startExec(execId, options), {
    code: 'conflict',
    message: `exec command ${execId} is already running`,
  });
  await until(async () => {
    const { stdout } = await exec(['ps', '-o', 'args']);
    return /sleep 1000\n[^]*sleep 1000\n/.test(stdout);
  }, 'both programs run');
});

test('where there is no process to join', async () => {
  assert.throws(() => fixture.containers.inspectExec('nope'), {
    code: 'not-found',
    message: 'No such exec instance: nope',
  });
  const created = await fixture.create(['true']);
  await assert.rejects(fixture.containers.createExec(created, newExecRequest(['true'])), {
    code: 'conflict',
    message: `container ${created} is not running`,
  });
  await fixture.containers.pause(id);
  await assert.rejects(fixture.containers.createExec(id, newExecRequest(['true'])), {
    code: 'conflict',
    message: `Container ${id} is paused, unpause the container before exec`,
  });
  await fixture.containers.unpause(id);
});

test('an exec ends with its container', async () => {
  const other = await fixture.run(['sleep', '1000']);
  const script = 'echo up; exec sleep 1000';
  const { id: execId } = await fixture.containers.createExec(other, newExecRequest(['sh', '-c', script]));
  const attachment = await fixture.containers.startExec(execId, { detach: false });
  await once(attachment!.output, 'readable');
  await fixture.containers.kill(other, 'KILL');
  await collect(attachment!);
  assert.equal(fixture.containers.inspectExec(execId).ExitCode, 137);
});
