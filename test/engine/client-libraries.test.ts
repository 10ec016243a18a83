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
import docker, io, tarfile, sys, time
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
while box.top()['Processes'][0][-1] != 'sleep 1000': time.sleep(0.02)
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

/** Streams, events, builds and archives as docker-py's users write them. */
const STREAMS = `
import docker, io, sys, tarfile
from docker.utils.socket import frames_iter
client = docker.DockerClient(base_url=sys.argv[1])
api = client.api

events = client.events(decode=True, filters={'label': 'seen=yes', 'type': 'container'})
box = client.containers.run('bb', ['sh', '-c', 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done'], detach=True, labels={'seen': 'yes'}, mem_limit='64m', environment={'A': 'b'}, tty=False, stdin_open=True)
assert [next(events)['Action'] for _ in range(2)] == ['create', 'start']
assert next(box.logs(stream=True, follow=True)) == b'ready\\n'
box.stop(timeout=60); box.remove()
seen = []
for event in events:
    seen.append(event['Action'])
    if event['Action'] == 'destroy': break
events.close()
assert seen == ['kill', 'die', 'stop', 'destroy'], seen

box = client.containers.create('bb', ['sh', '-c', 'read x; echo got $x; echo err >&2; exit 6'], stdin_open=True)
socket = box.attach_socket(params={'stdin': 1, 'stream': 1})
box.start()
socket._sock.sendall(b'typed\\n')
assert box.wait()['StatusCode'] == 6
assert box.logs(stdout=True, stderr=False) == b'got typed\\n' and box.logs(stdout=False) == b'err\\n'
assert box.logs(tail=2, stderr=False, timestamps=True).split()[1:] == [b'got', b'typed']
socket.close(); box.remove()

# Each item is a line, however the program wrote it: two at once, or one in two pieces, of which the first is logged alone.
box = client.containers.run('bb', ['sh', '-c', 'printf "1\\n2\\n"; printf "3 a"; sleep 0.3; printf "nd\\n4"'], detach=True)
box.wait()
assert [line for line in box.logs(stream=True)] == [b'1\\n', b'2\\n', b'3 and\\n', b'4']
assert [line for line in box.logs(stream=True, follow=True, tail=2)] == [b'3 and\\n', b'4']
stamped = [line.split(b' ', 1) for line in box.logs(stream=True, timestamps=True)]
assert [line for _, line in stamped] == [b'1\\n', b'2\\n', b'3 and\\n', b'4'] and all(time[-1:] == b'Z' for time, _ in stamped)
box.remove()

box = client.containers.run('bb', ['sleep', '1000'], detach=True, mem_limit='64m', tmpfs={'/scratch': 'size=1m'}, user='user', working_dir='/tmp', extra_hosts={'elsewhere': '192.0.2.9'})
assert box.stats(stream=False)['memory_stats']['limit'] == 64 << 20
assert api.stats(box.id, stream=False, one_shot=True)['id'] == box.id
assert box.exec_run('pwd').output == b'/tmp\\n' and box.exec_run('id -un', user='root').output == b'root\\n'
code, stream = box.exec_run(['sh', '-c', 'echo 1; usleep 100000; echo 2'], stream=True)
assert b''.join(stream) == b'1\\n2\\n'
handle = api.exec_create(box.id, ['cat'], stdin=True, tty=False)['Id']
socket = api.exec_start(handle, socket=True)
socket._sock.sendall(b'through'); socket._sock.shutdown(1)
assert b''.join(data for _, data in frames_iter(socket, tty=False)) == b'through'
socket.close()
assert b'192.0.2.9' in box.exec_run(['cat', '/etc/hosts']).output
box.update(mem_limit='96m', memswap_limit='96m')
assert client.containers.get(box.id).attrs['HostConfig']['Memory'] == 96 << 20
assert {'Path': '/tmp/changed', 'Kind': 1} not in box.diff()
box.exec_run(['touch', '/tmp/changed'])
assert {'Path': '/tmp/changed', 'Kind': 1} in box.diff()
image = box.commit('committed', 'v1', changes=['CMD ["cat", "/tmp/changed"]'])
assert image.tags == ['committed:v1'] and image.attrs['Config']['Cmd'] == ['cat', '/tmp/changed']
client.images.remove('committed:v1')
exported = b''.join(box.export())
assert 'tmp/changed' in tarfile.open(fileobj=io.BytesIO(exported)).getnames()
box.remove(force=True)

dockerfile = io.BytesIO(b'FROM bb\\nARG WHO\\nRUN echo $WHO >/who\\nLABEL from=py\\nCMD ["cat", "/who"]\\n')
image, log = client.images.build(fileobj=dockerfile, tag='pybuilt:1', buildargs={'WHO': 'me'}, rm=True)
assert image.labels == {'from': 'py'} and any('Successfully built' in row.get('stream', '') for row in log)
assert client.containers.run('pybuilt:1', remove=True) == b'me\\n'
try:
    client.images.build(fileobj=io.BytesIO(b'FROM bb\\nRUN exit 9\\n'))
    assert False
except docker.errors.BuildError as error:
    assert 'returned a non-zero code: 9' in str(error)
assert image.tag('pybuilt', '2') and len(image.history()) > 2
saved = b''.join(client.images.get('pybuilt:1').save(named=True))
client.images.remove('pybuilt:2'); client.images.remove('pybuilt:1')
loaded = client.images.load(saved)
assert [each.tags for each in loaded] == [['pybuilt:1']]
client.images.remove('pybuilt:1')
try:
    client.images.get('pybuilt:1'); assert False
except docker.errors.ImageNotFound: pass
assert api.version()['Os'] == 'linux' and client.info()['Containers'] == 0
assert client.containers.prune()['ContainersDeleted'] in (None, [])
`;

/** On a busy machine a client may read an answer's headers late; docker-py loses what has come with them. */
const LATE = `
import docker, http.client, sys, time
client = docker.DockerClient(base_url=sys.argv[1])
box = client.containers.run('bb', ['sh', '-c', 'echo said; exec sleep 1000'], detach=True)
assert next(box.logs(stream=True, follow=True)) == b'said\\n'
begin = http.client.HTTPResponse.begin
def begin_late(response):
    time.sleep(0.2)
    return begin(response)
http.client.HTTPResponse.begin = begin_late
assert box.exec_run(['echo', 'hello']).output == b'hello\\n'
assert next(box.attach(stream=True, logs=True)) == b'said\\n'
box.remove(force=True)
`;

const python = ['/usr/bin/python3', 'python3'].find(
  (path) => spawnSync(path, ['-c', 'import docker']).status === 0,
);

for (const [subject, script] of [
  ['the life of containers', SCRIPT],
  ['streams, events, builds and archives', STREAMS],
  ['headers that are read late', LATE],
] as const) {
  test(`docker-py: ${subject}`, {
    skip: python === undefined && 'docker-py is not installed (python3-docker)',
  }, async () => {
    const outcome = await runProgram(python ?? '', ['-W', 'ignore', '-c', script, engine.host]);
    assert.equal(outcome.exitCode, 0, outcome.stderr);
  });
}
