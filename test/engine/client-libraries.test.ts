/** Client libraries of other languages, unchanged. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { importBusybox, runProgram } from '../support/docker.ts';
import { startSubject, type Subject } from '../support/subject.ts';

let engine: Subject;

before(async () => {
  engine = await startSubject();
  await importBusybox(engine);
});

after(() => engine[Symbol.asyncDispose]());

/** The life of containers as docker-py's users write it. */
const SCRIPT = `
import docker, io, tarfile, sys
client = docker.DockerClient(base_url=sys.argv[1])
# docker-py gives run's output only where it knows the driver.
assert client.ping()
assert client.containers.run('bb', ['echo', 'hello'], remove=True) == b'hello\\n'
try:
    client.containers.run('bb', ['sh', '-c', 'echo no >&2; exit 4'], remove=True)
except docker.errors.ContainerError as error:
    assert error.exit_status == 4 and error.stderr == b'no\\n', error
try:
    client.containers.get('nope')
except docker.errors.NotFound as error:
    assert 'No such container: nope' in str(error)
box = client.containers.run('bb', ['sleep', '1000'], detach=True, name='py', labels={'a': 'b'}, ports={'80/tcp': ('127.0.0.1', None)})
assert [c.name for c in client.containers.list(filters={'label': 'a=b'})] == ['py']
box.reload()
assert box.status == 'running' and box.ports['80/tcp'][0]['HostIp'] == '127.0.0.1', box.ports
code, (out, err) = box.exec_run(['sh', '-c', 'echo out; echo err >&2; exit 3'], demux=True)
assert (code, out, err) == (3, b'out\\n', b'err\\n'), (code, out, err)
data = io.BytesIO()
with tarfile.open(fileobj=data, mode='w') as tar:
    info = tarfile.TarInfo('file'); info.size = 5
    tar.addfile(info, io.BytesIO(b'12345'))
assert box.put_archive('/tmp', data.getvalue())
chunks, stat = box.get_archive('/tmp/file')
assert stat['size'] == 5, stat
with tarfile.open(fileobj=io.BytesIO(b''.join(chunks))) as tar:
    assert tar.extractfile('file').read() == b'12345'
box.pause(); box.reload(); assert box.status == 'paused'
box.unpause()
assert next(box.stats(stream=True, decode=True))['id'] == box.id
assert box.top()['Processes'][0][-1] == 'sleep 1000'
box.rename('other'); box.reload(); assert box.name == 'other'
box.stop(timeout=0)
assert box.wait()['StatusCode'] == 137
box.start(); box.kill(); box.wait(); box.remove(v=True)
loud = client.containers.run('bb', ['sh', '-c', 'echo 1; sleep 0.2; echo 2'], detach=True)
assert b''.join(loud.logs(stream=True, follow=True)) == b'1\\n2\\n'
loud.remove()
saved = b''.join(client.images.get('bb').save(named=True))
client.images.remove('bb')
assert client.images.load(saved)[0].tags == ['bb:latest']
volume = client.volumes.create('pyvol')
client.containers.run('bb', ['touch', '/v/x'], volumes={'pyvol': {'bind': '/v', 'mode': 'rw'}}, remove=True)
volume.remove()
assert client.containers.list(all=True) == [] and client.df()['Images']
`;

const python = ['/usr/bin/python3', 'python3'].find(
  (path) => spawnSync(path, ['-c', 'import docker']).status === 0,
);

test('docker-py', {
  skip: python === undefined && 'docker-py is not installed (python3-docker)',
}, async () => {
  const outcome = await runProgram(python ?? '', ['-W', 'ignore', '-c', SCRIPT, engine.host]);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
});
