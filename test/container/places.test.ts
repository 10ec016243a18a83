/**
 * Where `cp` reads and writes: what a container mounts is there in each of its states, and what is put into it lands
 * where its processes find it. The expectations are Docker's; `CAISSON_PEERS=1` asks Debian's dockerd as well.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TarParser } from '#oci/tar-reader.ts';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerOk, runProgram } from '../support/docker.ts';
import { DockerDaemon } from '../support/dockerd.ts';
import { request, requestJson } from '../support/http.ts';
import type { Subject } from '../support/subject.ts';

const READ_ONLY = 'mounted volume is marked read-only';
const READ_ONLY_ROOT = 'container rootfs is marked read-only';

/** Path, where a file that is put there lands, and the same where the root is read-only. */
const PUT: readonly (readonly [path: string, lands: string, landsReadonly: string])[] = [
  ['/', 'layer /', READ_ONLY_ROOT],
  ['/etc', 'layer /etc', READ_ONLY_ROOT],
  ['/vv', 'volume pv', 'volume pv'],
  ['/bb', 'host bb', 'host bb'],
  ['/rv', READ_ONLY, READ_ONLY],
  ['/rb', READ_ONLY, READ_ONLY],
  ['/nest', 'volume nv', 'volume nv'],
  ['/nest/inner', 'host inner', 'host inner'],
  ['/link', 'layer /real', READ_ONLY_ROOT],
  ['/to-vv', 'volume pv', 'volume pv'],
  ['/file', 'extraction point is not a directory', 'extraction point is not a directory'],
  ['/dangling', 'Could not find the file /dangling', 'Could not find the file /dangling'],
  ['/none', 'Could not find the file /none', 'Could not find the file /none'],
];
/** A mount behind a link, which Docker takes for a part of the root where that is read-only. */
const BEHIND_LINK = ['/link/sub', '/real/sub'];

/** Path of a directory, member of an archive, and where it lands. */
const PUT_MEMBER: readonly (readonly [path: string, member: string, lands: string])[] = [
  ['/', 'vv/through', 'volume pv'],
  ['/', 'to-vv/through-link', 'volume pv'],
  ['/', 'rv/through', 'open /rv/through: read-only file system'],
  ['/', 'file', 'device or resource busy'],
  ['/nest', 'inner', 'cannot overwrite directory "/nest/inner" with non-directory "/nest"'],
];

/** Path, and the names of the archive that comes out. */
const GET: readonly (readonly [path: string, names: string])[] = [
  ['/vv', 'vv/ vv/seed'],
  ['/vv/', 'vv/ vv/seed'],
  ['/vv/.', './ ./seed'],
  ['/bb', 'bb/ bb/host'],
  ['/bb/host', 'host'],
  ['/nest', 'nest/ nest/inner/ nest/inner/host'],
  ['/link', 'link'],
  ['/link/sub', 'sub/ sub/host'],
  ['/real/sub/.', './ ./host'],
  ['/file', 'file'],
  ['/dev', 'dev/ dev/console dev/pts/ dev/shm/'],
  ['/proc', 'proc/'],
  ['/proc/self', 'Could not find the file /proc/self'],
  ['/proc/cpuinfo', 'Could not find the file /proc/cpuinfo'],
  ['/sys/class', 'Could not find the file /sys/class'],
  ['/dev/null', 'Could not find the file /dev/null'],
];

const image = Buffer.concat([
  busyboxRootTar().subarray(0, -1024),
  tarOf(
    { path: 'real/', mode: 0o755 },
    { path: 'real/seed', content: 'seed' },
    { path: 'vv/', mode: 0o755 },
    { path: 'vv/seed', content: 'seed' },
    { path: 'link', type: 'symlink', linkName: '/real' },
    { path: 'to-vv', type: 'symlink', linkName: '/vv' },
    { path: 'dangling', type: 'symlink', linkName: '/made/here' },
  ),
]);

/** One engine with the containers of the table, and where their files really are. */
class Places implements AsyncDisposable {
  readonly #directory = mkdtempSync('/tmp/caisson-places-');
  readonly #volumes = new Map<string, string>();
  readonly #engine: Subject;
  #puts = 0;

  constructor(engine: Subject) {
    this.#engine = engine;
  }

  ok(...args: readonly string[]): Promise<string> {
    return dockerOk(this.#engine, args);
  }

  async prepare(): Promise<void> {
    await dockerOk(this.#engine, ['import', '-', 'places'], { input: image });
    for (const name of ['bb', 'rb', 'inner', 'sub']) {
      mkdirSync(join(this.#directory, name));
      writeFileSync(join(this.#directory, name, 'host'), name);
    }
    writeFileSync(join(this.#directory, 'file'), 'file');
    await this.#create('cc');
    await this.#create('readonly', '--read-only');
    for (const name of ['pv', 'rv', 'nv']) {
      this.#volumes.set(name, await this.ok('volume', 'inspect', '-f', '{{.Mountpoint}}', name));
    }
  }

  async #create(name: string, ...flags: readonly string[]): Promise<void> {
    const binds = { bb: '/bb', rb: '/rb:ro', inner: '/nest/inner', sub: '/link/sub', file: '/file' };
    const mounts = [
      'pv:/vv',
      'rv:/rv:ro',
      'nv:/nest',
      ...Object.entries(binds).map(([source, target]) => `${this.#directory}/${source}:${target}`),
    ].flatMap((volume) => ['-v', volume]);
    const command = ['places', 'sleep', '1000'];
    await this.ok(
      'create',
      '--name',
      name,
      '--network',
      'none',
      '--tmpfs',
      '/tt',
      ...mounts,
      ...flags,
      ...command,
    );
  }

  /** Where the file lands, or what is said instead; it is removed again. */
  async put(container: string, path: string, member = `put-${++this.#puts}`): Promise<string> {
    const where = `/containers/${container}/archive?noOverwriteDirNonDir=true&path=${path}`;
    const tar = tarOf({ path: member, content: container });
    const { status, body } = await request(this.#engine.socket, 'PUT', where, tar);
    if (status !== 200) return messageIn(body);
    const name = member.split('/').at(-1) ?? '';
    for (const [volume, directory] of this.#volumes) {
      if (take(join(directory, name))) return `volume ${volume}`;
    }
    for (const source of readdirSync(this.#directory)) {
      if (take(join(this.#directory, source, name))) return `host ${source}`;
    }
    const changed = `/containers/${container}/changes`;
    const changes = await requestJson<readonly { Path: string }[]>(this.#engine.socket, 'GET', changed);
    const inLayer = changes.map(({ Path }) => Path).find((path) => path.endsWith(`/${name}`));
    return inLayer === undefined ? 'nowhere' : `layer ${inLayer.slice(0, -name.length - 1) || '/'}`;
  }

  /** The names in the archive, or what is said instead; `HEAD` has to agree. */
  async get(container: string, path: string): Promise<string> {
    const where = `/containers/${container}/archive?path=${path}`;
    const head = await request(this.#engine.socket, 'HEAD', where);
    const { status, body } = await request(this.#engine.socket, 'GET', where);
    assert.equal(head.status, status, path);
    if (status !== 200) return messageIn(body);
    return namesIn(Buffer.from(body)).toSorted().join(' ');
  }

  /** The names of everything, as Docker's client gets them. */
  async whole(container: string): Promise<string> {
    const script = 'set -o pipefail; docker -H "$0" cp "$1:/" - | tar -tP';
    const { exitCode, stdout, stderr } = await runProgram('bash', [
      '-c',
      script,
      this.#engine.host,
      container,
    ]);
    assert.equal(exitCode, 0, stderr);
    return stdout.replaceAll('\n', ' ');
  }

  /** What its processes find. */
  read(container: string, path: string): Promise<string> {
    return this.ok('exec', container, 'cat', path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ok('rm', '-f', '-v', 'cc', 'readonly', 'from');
    rmSync(this.#directory, { recursive: true });
    await this.#engine[Symbol.asyncDispose]();
  }
}

function namesIn(tar: Buffer): readonly string[] {
  const parser = new TarParser();
  const names: string[] = [];
  parser.push(tar);
  for (let event = parser.next(); event; event = parser.next()) {
    if (event.kind === 'entry') names.push(event.entry.path);
  }
  return names;
}

function messageIn(body: string): string {
  return JSON.parse(body).message;
}

/** True if it was there. */
function take(path: string): boolean {
  if (!existsSync(path)) return false;
  rmSync(path);
  return true;
}

/** Engines with what is different there on purpose: a tmpfs that a process sees is written to. */
const ENGINES = {
  caisson: { start: () => TestDaemon.start(), isAsked: true, tmpfs: 'nowhere' },
  docker: {
    start: () => DockerDaemon.start(),
    isAsked: (process.env['CAISSON_PEERS'] ?? '') !== '',
    tmpfs: 'layer /tt',
  },
};

for (const [engine, { start, isAsked, tmpfs }] of Object.entries(ENGINES)) {
  describe(engine, { skip: !isAsked && 'not asked for' }, () => {
    let places: Places;
    before(async () => {
      places = new Places(await start());
      await places.prepare();
    });
    after(() => places[Symbol.asyncDispose]());

    async function check(container: 'cc' | 'readonly', state: string): Promise<void> {
      assert.equal(await places.ok('inspect', '-f', '{{.State.Status}}', container), state);
      const whole = await places.whole(container);
      for (const name of [
        '/vv/seed',
        '/bb/host',
        '/nest/inner/host',
        '/real/sub/host',
        '/file',
        '/proc/',
        '/dev/console',
      ])
        assert.ok(` ${whole} `.includes(` ${name} `), `${name} in the whole root, ${state}`);
      assert.ok(!/ \/(?:proc|sys)\/\S/.test(whole), `nothing of the kernel in the whole root, ${state}`);
      for (const [path, names] of GET)
        assertIs(await places.get(container, path), names, `GET ${path}, ${state}`);
      for (const [path, lands, landsReadonly] of PUT) {
        const expected = container === 'cc' ? lands : landsReadonly;
        assertIs(await places.put(container, path), expected, `PUT ${path}, ${state}`);
      }
      if (container === 'readonly') return;
      for (const path of BEHIND_LINK)
        assertIs(await places.put(container, path), 'host sub', `PUT ${path}, ${state}`);
      for (const [path, member, lands] of PUT_MEMBER) {
        assertIs(await places.put(container, path, member), lands, `PUT ${member} at ${path}, ${state}`);
      }
    }

    test('never started', async () => {
      // What the image has there was copied when the container was created.
      await places.ok(
        'create',
        '--name',
        'from',
        '--network',
        'none',
        '--volumes-from',
        'cc',
        'places',
        'true',
      );
      assert.equal(await places.get('from', '/vv'), 'vv/ vv/seed');
      await check('cc', 'created');
      await check('readonly', 'created');
      assertIs(await places.get('cc', '/tt'), 'Could not find the file /tt', 'a tmpfs is not there');
    });

    test('running, paused, restarting', async () => {
      await places.ok('start', 'cc', 'readonly');
      await check('cc', 'running');
      await check('readonly', 'running');
      assert.equal(await places.put('cc', '/tt', 'put-live'), tmpfs);
      await places.ok('pause', 'cc');
      await check('cc', 'paused');
      await places.ok('unpause', 'cc');
      if (tmpfs === 'nowhere') assert.equal(await places.read('cc', '/tt/put-live'), 'cc');
      const [lands] = await Promise.all([places.put('cc', '/vv'), places.ok('restart', '-t', '0', 'cc')]);
      assert.equal(lands, 'volume pv');
    });

    test('exited', async () => {
      await places.ok('kill', 'cc', 'readonly');
      await places.ok('wait', 'cc', 'readonly');
      await check('cc', 'exited');
      await check('readonly', 'exited');
      assert.equal(await places.put('cc', '/tt'), 'layer /tt');
    });
  });
}

function assertIs(found: string, expected: string, what: string): void {
  assert.ok(
    found === expected || (/ file|read-only|busy|overwrite/.test(expected) && found.includes(expected)),
    `${what}: ${found}, not ${expected}`,
  );
}
