/**
 * A daemon takes over what a former version of it has left: images, containers that have ended and such that run,
 * volumes and the build cache. A change of what is on disk adds the last commit before it to `VERSIONS`.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { Served } from '../registry-server/served.ts';
import { TestDaemon } from '../support/daemon.ts';
import { attachAndSay, docker, dockerOk, importBusybox } from '../support/docker.ts';
import { FormerVersion } from '../support/former-version.ts';
import { fetchPage, request, requestJson, tryFetchPage } from '../support/http.ts';
import { countLines, findGaps, numberedLines, printNumberedLines } from '../support/numbered-lines.ts';
import { Terminal } from '../support/terminal.ts';
import { until } from '../../src/base/testing.ts';

/** Their roots are taken over. */
const VERSIONS = ['90fc381', '4083e96'];

/** How the former daemon ends. */
const ENDS = {
  'that stopped': (engine: TestDaemon) => engine.stop(),
  'that was killed': (engine: TestDaemon) => engine.kill(),
};

const LOADED = 'example.com/loaded:1';

/** One engine and what is below its directory for containers and builds. */
interface Scene {
  readonly engine: TestDaemon;
  /** Bind-mounted on /gate of containers that end when there is a file `end` in it. */
  readonly gate: string;
  readonly context: string;
  /** `HOST:PORT` of a registry. */
  readonly registry: string;
}

const ok = ({ engine }: Scene, ...args: readonly string[]) => dockerOk(engine, args);
/** In one version of the API: what newer ones add or leave out is no change of what is stored. */
async function json<T = unknown>({ engine }: Scene, path: string): Promise<T> {
  const answer: unknown = await requestJson(engine.socket, 'GET', `/v1.45${path}`);
  return JSON.parse(JSON.stringify(answer), asNow);
}

/** What former versions answered otherwise about the same things. */
function asNow(key: string, value: unknown): unknown {
  if (key === 'EnableIPv4' || value === '0001-01-01T00:00:00Z') return undefined;
  return key === 'NetworkID' ? '' : value;
}

function makeScene(engine: TestDaemon, served: Served): Scene {
  const gate = join(engine.directory, 'gate');
  const context = join(engine.directory, 'context');
  for (const path of [gate, context]) mkdirSync(path);
  writeFileSync(join(context, 'file'), 'from the context\n');
  writeFileSync(join(context, 'Dockerfile'), DOCKERFILE);
  return { engine, gate, context, registry: served.registry.address };
}

const DOCKERFILE = `FROM bb AS made
RUN echo once > /once
COPY file /copied
FROM bb
COPY --from=made /once /copied /
RUN --mount=type=cache,target=/cache echo kept >> /cache/words; cat /cache/words > /words
ENV BUILT=yes
CMD ["cat", "/once"]
`;

/** Its log. */
async function build({ engine, context }: Scene): Promise<string> {
  const args = ['buildx', 'build', '--progress', 'plain', '--network', 'none', '-t', 'built', context];
  const outcome = await docker(engine, args);
  assert.equal(outcome.exitCode, 0, outcome.stderr);
  return outcome.stderr;
}

async function makeImages(scene: Scene): Promise<void> {
  const { engine, registry } = scene;
  await importBusybox(engine);
  const layers = [busyboxRootTar(), tarOf({ path: 'extra', content: 'more\n', mode: 0o644 })];
  await dockerOk(engine, ['load'], { input: dockerArchive({ reference: LOADED, layers }) });
  await ok(scene, 'tag', LOADED, `${registry}/pulled:1`);
  await ok(scene, 'push', '-q', `${registry}/pulled:1`);
  await ok(scene, 'rmi', LOADED, `${registry}/pulled:1`);
  await ok(scene, 'pull', '-q', `${registry}/pulled:1`);
  await dockerOk(engine, ['load'], {
    input: dockerArchive({ reference: LOADED, layers: layers.slice(0, 1) }),
  });
  await build(scene);
}

/** Much of what can be asked for. */
const RICH = `
  --hostname rich --domainname example.net --dns 192.0.2.53 --dns-search example.com --add-host other:192.0.2.7
  -p 127.0.0.1::80 -p 127.0.0.1::53/udp --expose 99 -e VARIABLE=value -l label=text -w /tmp -u 1000:1000
  --group-add 2000 -v named:/named -v /anonymous --tmpfs /scratch:size=1m --shm-size 8m -m 64m --cpus 0.5
  --pids-limit 100 --ulimit nofile=100:200 --oom-score-adj 10 --cap-add SYS_TIME --cap-drop CHOWN --init
  --security-opt no-new-privileges --stop-signal SIGINT --stop-timeout 3 --log-opt max-size=1m
  --sysctl net.core.somaxconn=99 --device /dev/null:/dev/nothing --entrypoint sh`;

async function makeEndedContainers(scene: Scene): Promise<void> {
  await ok(scene, 'volume', 'create', '--label', 'of=the volume', 'named');
  const say =
    'echo spoken; echo complained >&2; echo changed > /tmp/file; cat /proc/sys/net/core/somaxconn; exit 3';
  await ok(scene, 'create', '--name', 'rich', ...RICH.trim().split(/\s+/), 'built', '-c', say);
  await docker(scene.engine, ['start', '-a', 'rich']);
  await ok(scene, 'run', '--name', 'keeper', '-v', 'named:/v', '-v', '/unnamed', 'bb', 'sh', '-c', KEEP);
  await ok(scene, 'create', '--name', 'never-started', '-p', '80', 'bb', 'echo', 'first words');
  await docker(scene.engine, ['run', '--name', 'failed', 'bb', 'no-such-program']);
  await ok(scene, 'run', '-t', '--name', 'terminal', 'bb', 'echo', 'on a terminal');
  await ok(scene, 'run', '--name', 'json', '--log-driver', 'json-file', 'bb', 'echo', 'in JSON');
  await ok(scene, 'run', '--name', 'silent', '--log-driver', 'none', 'bb', 'echo', 'nothing');
  await ok(scene, 'run', '--name', 'old-name', '--network', 'none', 'bb', 'true');
  await ok(scene, 'rename', 'old-name', 'new-name');
  await ok(scene, 'update', '-m', '32m', '--memory-swap', '64m', 'new-name');
  await ok(scene, 'commit', '-c', 'LABEL committed=yes', 'keeper', 'committed');
}

const KEEP = 'echo precious > /v/file; echo also > /unnamed/file; echo changed > /data/file; rm /etc/group';

const untilTold = 'until [ -e /gate/end ]; do usleep 20000; done';
const SERVE = 'echo served > /www/index.html; exec httpd -f -p 80 -h /www';

async function startContainers(scene: Scene): Promise<void> {
  const run = (name: string, ...args: readonly string[]) =>
    ok(scene, 'run', '-d', '--name', name, '-v', `${scene.gate}:/gate`, ...args);
  await run('web', '-p', '127.0.0.1::80', '--hostname', 'web-host', 'bb', 'sh', '-c', SERVE);
  await run('peer', 'bb', 'sleep', '1000');
  await run('joined', '--network', 'container:web', 'bb', 'sleep', '1000');
  await run('hosted', '--network', 'host', 'bb', 'sleep', '1000');
  await run('alone', '--network', 'none', 'bb', 'sleep', '1000');
  await run('pausing', 'bb', 'sleep', '1000');
  await ok(scene, 'pause', 'pausing');
  await run('listening', '-i', 'bb', 'cat');
  await run('shell', '-it', 'bb', 'sh');
  await run('printing', 'bb', 'sh', '-c', printNumberedLines(7));
  await run('printing-tty', '-t', 'bb', 'sh', '-c', printNumberedLines(8));
  await run('printing-json', '--log-driver', 'json-file', 'bb', 'sh', '-c', printNumberedLines(9));
  await run('ends-alone', 'bb', 'sh', '-c', `${untilTold}; echo last words; exit 42`);
  await run('goes-alone', '--rm', '-v', '/goes-too', 'bb', 'sh', '-c', untilTold);
  await run('stays', '--rm', '-v', '/stays', 'bb', 'sleep', '1000');
}

const PRINTING = { printing: 7, 'printing-tty': 8, 'printing-json': 9 };
/** They go on while no daemon is there. */
const RUNNING = 'web peer joined hosted alone pausing listening shell stays'
  .split(' ')
  .concat(Object.keys(PRINTING));
/** They have ended before, or never began. */
const ENDED = ['rich', 'keeper', 'never-started', 'failed', 'terminal', 'json', 'silent', 'new-name'];

/** They end while no daemon is there. */
const ENDING = ['ends-alone', 'goes-alone'];

interface Named {
  readonly Id: string;
}

interface Network {
  readonly Containers: Readonly<Record<string, { readonly Name: string }>>;
}

interface VolumeList {
  readonly Volumes: readonly { readonly Name: string }[];
}

async function inspectNetwork(scene: Scene, name: string): Promise<Network> {
  const network = await json<Network>(scene, `/networks/${name}`);
  const endpoints = Object.entries(network.Containers);
  return {
    ...network,
    Containers: Object.fromEntries(endpoints.filter(([, { Name }]) => !ENDING.includes(Name))),
  };
}

/**
 * Everything that clients can see and that does not change by itself.
 *
 * @param volume goes with its container
 */
async function view(scene: Scene, volume: string): Promise<Readonly<Record<string, unknown>>> {
  const names = [...RUNNING, ...ENDED];
  const containers = await Promise.all(
    names.map(async (name) => [name, await json<object>(scene, `/containers/${name}/json?size=1`)] as const),
  );
  const images = (await json<readonly Named[]>(scene, '/images/json?all=1&digests=1')).toSorted(byId);
  const { ID: id } = await json<{ ID: string }>(scene, '/info');
  return {
    id,
    // A daemon knows only its own execs, and where its next start puts the files of /etc.
    containers: Object.fromEntries(
      containers.map(([name, inspect]) => [
        name,
        { ...inspect, ExecIDs: null, HostsPath: '', HostnamePath: '', ResolvConfPath: '' },
      ]),
    ),
    images: images.map((image) => ({ ...image, Containers: 0 })),
    inspectedImages: await Promise.all(images.map(({ Id }) => json(scene, `/images/${Id}/json`))),
    histories: await Promise.all(images.map(({ Id }) => json(scene, `/images/${Id}/history`))),
    volumes: (await json<VolumeList>(scene, '/volumes')).Volumes.filter(({ Name }) => Name !== volume),
    networks: await json(scene, '/networks'),
    inspectedNetworks: await Promise.all(
      ['bridge', 'host', 'none'].map((name) => inspectNetwork(scene, name)),
    ),
    logs: await Promise.all(
      ENDED.filter((name) => name !== 'silent').map((name) => ok(scene, 'logs', '-t', '--details', name)),
    ),
    changes: await Promise.all(ENDED.map((name) => json(scene, `/containers/${name}/changes`))),
    port: await ok(scene, 'port', 'web', '80'),
  };
}

function byId(left: Named, right: Named): number {
  return left.Id < right.Id ? -1 : 1;
}

/** Waits until all that print have printed much since they were last asked. */
async function untilMoreIsPrinted(scene: Scene): Promise<void> {
  for (const name of Object.keys(PRINTING)) {
    const print = async () =>
      Math.max(0, countLines((await docker(scene.engine, ['logs', '--tail', '1', name])).stdout));
    const before = await print();
    await until(async () => (await print()) >= before + 200, `${name} prints`);
  }
}

async function endWhileNoDaemonRuns({ engine, gate }: Scene, ids: readonly string[]): Promise<void> {
  writeFileSync(join(gate, 'end'), '');
  for (const id of ids) {
    const notice = join(engine.run, 'containers/notices', `${id}.exit`);
    await until(() => isWritten(notice), `the exit of ${id} is noticed`);
  }
}

function isWritten(path: string): boolean {
  try {
    return readFileSync(path, 'utf8').endsWith('\n');
  } catch {
    return false;
  }
}

async function checkEnded(scene: Scene, volume: string): Promise<void> {
  assert.equal(await ok(scene, 'wait', 'ends-alone'), '42');
  assert.equal(await ok(scene, 'logs', 'ends-alone'), 'last words');
  const rows = await scene.engine.containers();
  const names = rows.map(({ Names: [name = ''] }) => name.slice(1));
  await until(async () => (await ok(scene, 'ps', '-aq', '--filter', 'name=goes-alone')) === '', 'it goes');
  assert.equal(await ok(scene, 'volume', 'ls', '-q', '-f', `name=${volume}`), '', 'its volume goes with it');
  assert.deepEqual(
    new Set(names.filter((name) => name !== 'goes-alone')),
    new Set([...RUNNING, ...ENDED, 'ends-alone']),
  );
}

async function checkRunning(scene: Scene): Promise<void> {
  const { engine } = scene;
  assert.equal(await ok(scene, 'exec', 'peer', 'echo', 'here'), 'here');
  assert.equal(await attachAndSay(engine, 'listening', 'words\n'), 'words\n');
  using terminal = Terminal.open(['docker', '-H', engine.host, 'attach', 'shell'], { rows: 31, columns: 97 });
  await terminal.untilSize(31, 97);
  terminal.type('exit 6\r');
  assert.equal(await terminal.exitCode(), 6);
  await ok(scene, 'unpause', 'pausing');
  await ok(scene, 'stop', '-t', '0', 'pausing', 'hosted');
  assert.equal(await ok(scene, 'wait', 'pausing'), '137');
  await ok(scene, 'restart', '-t', '0', 'alone');
  await ok(scene, 'rm', '-f', 'alone');
}

async function checkNetwork(scene: Scene): Promise<void> {
  const where = await ok(scene, 'port', 'web', '80');
  assert.equal(await tryFetchPage(where), 'served\n');
  for (const name of ['web', 'web.bridge'])
    assert.equal(await ok(scene, 'exec', 'peer', 'wget', '-q', '-O', '-', `http://${name}/`), 'served');
  assert.equal(await ok(scene, 'run', '--rm', 'bb', 'wget', '-q', '-O', '-', 'http://web/'), 'served');
  assert.equal(await ok(scene, 'exec', 'joined', 'wget', '-q', '-O', '-', 'http://127.0.0.1/'), 'served');
  const addressOf = (name: string) => ok(scene, 'exec', name, 'hostname', '-i');
  const fresh = await ok(scene, 'run', '--rm', 'bb', 'hostname', '-i');
  assert.ok(
    ![await addressOf('web'), await addressOf('peer')].includes(fresh),
    'it has an address of its own',
  );
  const taken = await docker(scene.engine, ['run', '--rm', '-p', `${where}:80`, 'bb', 'true']);
  assert.match(taken.stderr, /port is already allocated/);
  await ok(scene, 'rm', '-f', 'joined', 'web');
  assert.equal(await tryFetchPage(where), undefined, 'the port is closed again');
}

/** Numbered lines of which at most those that were in flight are missing. */
async function checkPrinting(scene: Scene, mayLose: boolean): Promise<void> {
  for (const [name, code] of Object.entries(PRINTING)) {
    // The container may end before this command does.
    await docker(scene.engine, ['exec', name, 'touch', '/stop']);
    assert.equal(await ok(scene, 'wait', name), String(code));
    const { stdout } = await docker(scene.engine, ['logs', name]);
    const lineEnd = name === 'printing-tty' ? '\r\n' : '\n';
    const gaps = findGaps(numberedLines(countLines(stdout), lineEnd), stdout);
    assert.ok(gaps.length <= (mayLose ? 1 : 0), `${name}: ${gaps.length} gaps`);
  }
}

async function checkVolumes(scene: Scene): Promise<void> {
  const read = await ok(scene, 'run', '--rm', '-v', 'named:/v', 'bb', 'cat', '/v/file');
  assert.equal(read, 'precious');
  const again = await ok(scene, 'run', '--rm', '--volumes-from', 'keeper', 'bb', 'cat', '/unnamed/file');
  assert.equal(again, 'also');
  const archive = await request(scene.engine.socket, 'GET', '/containers/keeper/archive?path=/data/file');
  assert.match(archive.body, /changed/);
}

async function checkImages(scene: Scene): Promise<void> {
  const { stdout: before } = await docker(scene.engine, ['images', '-q', '--no-trunc', 'built']);
  const log = await build(scene);
  assert.equal(log.match(/^#\d+ CACHED$/gm)?.length, 5, log);
  assert.equal((await docker(scene.engine, ['images', '-q', '--no-trunc', 'built'])).stdout, before);
  // What a cache mount has kept is there for a step that was not.
  writeFileSync(join(scene.context, 'file'), 'changed\n');
  await build(scene);
  assert.equal(await ok(scene, 'run', '--rm', 'built', 'cat', '/copied', '/words'), 'changed\nkept\nkept');
  assert.equal(await ok(scene, 'run', '--rm', 'committed', 'cat', '/data/file'), 'changed');
  const { registry } = scene;
  assert.equal(await ok(scene, 'run', '--rm', `${registry}/pulled:1`, 'cat', '/extra'), 'more');
  assert.match(await ok(scene, 'pull', `${registry}/pulled:1`), /up to date/);
  await ok(scene, 'rmi', `${registry}/pulled:1`);
}

async function checkStarts(scene: Scene): Promise<void> {
  const started = await docker(scene.engine, ['start', '-a', 'rich']);
  assert.deepEqual([started.exitCode, started.stdout], [3, 'spoken\n99\n']);
  assert.equal(await ok(scene, 'start', '-a', 'never-started'), 'first words');
  assert.equal(await ok(scene, 'start', '-a', 'json'), 'in JSON');
  assert.equal(await ok(scene, 'logs', 'json'), 'in JSON\nin JSON');
  assert.equal(await ok(scene, 'start', '-a', 'terminal'), 'on a terminal\r');
  await ok(scene, 'rm', '-v', ...ENDED);
  assert.equal(await ok(scene, 'volume', 'ls', '-q', '-f', 'name=named'), 'named');
}

async function makeEverything(scene: Scene): Promise<void> {
  await makeImages(scene);
  await makeEndedContainers(scene);
  await startContainers(scene);
  await fetchPage(await ok(scene, 'port', 'web', '80'));
  await untilMoreIsPrinted(scene);
}

for (const commit of VERSIONS) {
  describe(`what ${commit} left`, () => {
    for (const [end, endFormer] of Object.entries(ENDS)) {
      test(`of a daemon ${end}`, async () => {
        using former = new FormerVersion(commit);
        await using served = await Served.start();
        await using engine = new TestDaemon();
        await engine.start(former.home);
        const scene = makeScene(engine, served);
        await makeEverything(scene);
        const inspect = (name: string, field: string) => ok(scene, 'inspect', '-f', `{{${field}}}`, name);
        const ids = await Promise.all(ENDING.map((name) => inspect(name, '.Id')));
        const volume = await inspect('goes-alone', '(index .Mounts 1).Name');
        const before = await view(scene, volume);
        await endFormer(engine);
        await endWhileNoDaemonRuns(scene, ids);
        await engine.start();
        await checkEnded(scene, volume);
        assert.deepEqual(await view(scene, volume), before);
        await untilMoreIsPrinted(scene);
        await checkNetwork(scene);
        await checkRunning(scene);
        await checkPrinting(scene, end === 'that was killed');
        await checkVolumes(scene);
        await checkImages(scene);
        await checkStarts(scene);
      });
    }
  });
}
