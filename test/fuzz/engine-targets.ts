/** A whole engine: requests of its API, and archives wherever it takes them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { dockerArchive } from '../fixtures/docker-archive.ts';
import { tarOf } from '../fixtures/tar.ts';
import { TestDaemon } from '../support/daemon.ts';
import { countDescriptors } from '../support/descriptors.ts';
import { importBusybox } from '../support/docker.ts';
import { request } from '../support/http.ts';
import { until } from '#base/testing.ts';
import { type Endpoint, ENDPOINTS, WHOLE_FIELDS } from './endpoints.ts';
import type { FuzzTarget } from './fuzz.ts';
import { mutateBytes, mutateJson, mutateTar, mutateText } from './mutate.ts';
import type { Random } from './random.ts';
import { ROOT_TAR } from './tar-targets.ts';

/** A listener that is told nothing more goes after so long. */
const ENDLESS_MS = 150;
const ANSWER_MS = 20_000;
/** An engine that was given kilobytes needs no more. */
const MAXIMUM_MEMORY_KIB = 900 * 1024;
/** Descriptors beside those of the start: connections that are closing, and what threads have open. */
const DESCRIPTOR_MARGIN = 40;
/** No container may make it. */
const ESCAPED = '/tmp/caisson-escaped';
/** What a program says of itself, not of its input. */
const INTERNALS =
  /TypeError|RangeError|is not a function|is not iterable|of undefined|of null|ERR_[A-Z]|\bE[A-Z]{3,}: /;

/** What Docker, too, calls an error of its own although the request is to blame. */
const DOCKERS_FAILURES = /^\{"message":"ps: /;

const NAMES: Readonly<Record<string, readonly string[]>> = {
  container: ['still', 'running', 'fuzzed', 'nosuch'],
  image: ['bb', 'bb:latest', 'made:1', 'nosuch'],
  volume: ['named', 'nosuch'],
  network: ['none', 'bridge', 'fuzzed', 'nosuch'],
};

interface Answer {
  readonly status: number;
  readonly body: string;
}

class FuzzedEngine implements AsyncDisposable {
  readonly #daemon: TestDaemon;
  readonly #pid: number;
  readonly #descriptors: number;

  private constructor(daemon: TestDaemon) {
    this.#daemon = daemon;
    this.#pid = daemon.pid;
    this.#descriptors = countDescriptors(daemon.pid);
  }

  static async start(): Promise<FuzzedEngine> {
    await using stack = new AsyncDisposableStack();
    const daemon = stack.use(
      await TestDaemon.start('--max-layer-bytes', String(1 << 26), '--network-pool', '2'),
    );
    await importBusybox(daemon);
    const engine = new FuzzedEngine(daemon);
    await engine.furnish();
    stack.move();
    return engine;
  }

  /** What requests name; some of them remove it. */
  async furnish(): Promise<void> {
    const { socket } = this.#daemon;
    const { status } = await request(socket, 'GET', '/images/bb/json');
    if (status === 404) await importBusybox(this.#daemon);
    const HostConfig = { NetworkMode: 'none' };
    for (const name of ['still', 'running'])
      await request(socket, 'POST', `/containers/create?name=${name}`, {
        Image: 'bb',
        Cmd: ['sleep', '3600'],
        HostConfig,
      });
    await request(socket, 'POST', '/containers/running/start');
  }

  /** The engine lives, is no larger than it may be, and has written nothing outside. */
  async inspect(): Promise<void> {
    assert.equal(this.#daemon.pid, this.#pid);
    assert.ok(existsSync(`/proc/${this.#pid}`), `the engine has died:\n${this.#daemon.log().slice(-3000)}`);
    assert.equal((await request(this.#daemon.socket, 'GET', '/_ping')).body, 'OK');
    assert.ok(!existsSync(ESCAPED), 'something was written outside');
    const peak = Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'))?.[1]);
    assert.ok(peak < MAXIMUM_MEMORY_KIB, `the engine had ${peak} KiB`);
    await this.#clear();
    const now = () => countDescriptors(this.#pid);
    await until(
      () => now() <= this.#descriptors + DESCRIPTOR_MARGIN,
      () => `descriptors: ${now()}, ${this.#descriptors} at the start`,
    );
    await this.furnish();
  }

  /** Removes what attempts have made. */
  async #clear(): Promise<void> {
    const { socket } = this.#daemon;
    for (const { Id } of await this.#daemon.containers())
      await request(socket, 'DELETE', `/containers/${Id}?force=1&v=1`);
    const kept = 'bb:latest';
    const images: { Id: string; RepoTags: string[] }[] = JSON.parse(
      (await request(socket, 'GET', '/images/json?all=1')).body,
    );
    for (const { Id, RepoTags } of images)
      if (!RepoTags.includes(kept)) await request(socket, 'DELETE', `/images/${Id}?force=1`);
    for (const kind of ['volumes', 'networks'])
      await request(socket, 'POST', `/${kind}/prune?filters=${encodeURIComponent('{"all":["1"]}')}`);
    await request(socket, 'POST', '/build/prune?all=1');
  }

  async ask(
    { method, isEndless = false }: Pick<Endpoint, 'method' | 'isEndless'>,
    path: string,
    body?: Buffer,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const { socket: socketPath } = this.#daemon;
    const sent = httpRequest({ socketPath, method, path, headers: { Host: 'x', ...headers } });
    let status = 0;
    let text = '';
    sent.on('response', (response) => {
      status = response.statusCode ?? 0;
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text = (text + chunk).slice(-100_000);
      });
      response.on('close', () => resolve({ status, body: text }));
    });
    sent.on('upgrade', (_, connection) => connection.destroy());
    sent.on('close', () => resolve({ status, body: text }));
    sent.on('error', (error) => (isEndless || status > 0 ? resolve({ status, body: text }) : reject(error)));
    const timer = setTimeout(
      () => {
        if (!isEndless) reject(new Error(`${method} ${path}: no end of an answer within ${ANSWER_MS} ms`));
        sent.destroy();
      },
      isEndless ? ENDLESS_MS : ANSWER_MS,
    );
    sent.end(body);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clear();
    await this.#daemon[Symbol.asyncDispose]();
  }
}

/** Refusals are 4xx; what an engine cannot do is 501 or 503. Its insides are nobody's business. */
function check(what: string, { status, body }: Answer): void {
  const isRefusal = status < 500 || status === 501 || status === 503 || DOCKERS_FAILURES.test(body);
  assert.ok(isRefusal, `${what}: ${status} ${body.slice(0, 1000)}`);
  const message = /"(?:message|error)":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1] ?? '';
  assert.doesNotMatch(message, INTERNALS, `${what}: ${status} ${message}`);
}

function pathOf(random: Random, { path, query = {} }: Endpoint): string {
  const filled = path.replaceAll(/:(\w+)/g, (_, kind: string) => {
    const name = random.pick(NAMES[kind] ?? ['x']);
    return encodeURIComponent(random.oneIn(8) ? mutateText(random, name).toWellFormed() : name);
  });
  const parameters = Object.entries(query).flatMap(([name, values]) => {
    if (random.oneIn(2)) return [];
    const value = random.pick(values);
    const given = random.oneIn(3) ? mutateText(random, value).toWellFormed() : value;
    return [`${name}=${encodeURIComponent(given)}`];
  });
  const version = random.oneIn(3) ? random.pick(['/v1.24', '/v1.41', '/v1.99', '/v1.']) : '';
  return `${version}${filled}${parameters.length > 0 ? '?' : ''}${parameters.join('&')}`;
}

function bodyOf(random: Random, body: unknown): Buffer {
  const value = random.oneIn(8) ? body : mutateJson(random, body, { whole: WHOLE_FIELDS });
  const text = Buffer.from(JSON.stringify(value) ?? '');
  return random.oneIn(20) ? mutateBytes(random, text) : text;
}

async function askApi(engine: FuzzedEngine, random: Random): Promise<void> {
  const endpoint = random.pick(ENDPOINTS);
  const path = pathOf(random, endpoint);
  const body = endpoint.body === undefined ? undefined : bodyOf(random, endpoint.body);
  const answer = await engine.ask(endpoint, path, body, body && { 'Content-Type': 'application/json' });
  check(`${endpoint.method} ${path} ${body?.toString().slice(0, 5000) ?? ''}`, answer);
  if (!path.includes('/containers/create') || answer.status !== 201 || !random.oneIn(4)) return;
  const { Id } = JSON.parse(answer.body);
  check(
    `start of ${body?.toString() ?? ''}`,
    await engine.ask({ method: 'POST' }, `/containers/${Id}/start`),
  );
  await engine.ask({ method: 'DELETE' }, `/containers/${Id}?force=1&v=1`);
}

const IMAGE = dockerArchive({
  reference: 'loaded:1',
  layers: [ROOT_TAR, tarOf({ path: 'a', content: 'a' })],
});
const CONTEXT = tarOf(
  { path: 'Dockerfile', content: 'FROM scratch\nCOPY . /\nADD sub.tar /x\nENV A=b\n' },
  { path: '.dockerignore', content: '*.o\n!keep\n' },
  { path: 'file', content: 'x' },
  { path: 'sub.tar', content: tarOf({ path: 'inner', content: 'y' }) },
);

/** Where archives go, and what is right there. */
const INTAKES: readonly (readonly [method: 'POST' | 'PUT', path: string, sample: Buffer])[] = [
  ['POST', '/images/load', IMAGE],
  ['POST', '/images/load?quiet=1', IMAGE],
  ['POST', '/images/create?fromSrc=-&repo=imported', ROOT_TAR],
  ['PUT', '/containers/still/archive?path=/', ROOT_TAR],
  ['PUT', '/containers/still/archive?path=/tmp&noOverwriteDirNonDir=1&copyUIDGID=1', ROOT_TAR],
  ['PUT', '/containers/running/archive?path=/', ROOT_TAR],
  ['POST', '/build?t=built', CONTEXT],
  ['POST', '/build?t=built&version=2', CONTEXT],
];

async function sendArchive(engine: FuzzedEngine, random: Random): Promise<void> {
  const [method, path, sample] = random.pick(INTAKES);
  const tar = mutateTar(random, sample);
  const whole = random.oneIn(4) ? random.pick([gzipSync, zstdCompressSync])(tar) : tar;
  const body = random.oneIn(6) ? mutateBytes(random, whole) : whole;
  check(
    `${method} ${path}`,
    await engine.ask({ method }, path, body, { 'Content-Type': 'application/x-tar' }),
  );
}

const DOCKERFILES: readonly string[] = [
  'ARG A=1\nFROM scratch AS a\nCOPY --chmod=755 file /bin/\nENV X=${A:-b}\nFROM a\nCOPY --from=a /bin /b\n',
  'FROM bb\nWORKDIR /w\nCOPY <<E /t\n$X\nE\nLABEL a=b\nHEALTHCHECK --interval=1s CMD true\nSTOPSIGNAL 9\n',
  'FROM scratch\nADD --unpack sub.tar /\nONBUILD COPY . /\nVOLUME ["/v"]\nUSER 1:1\nEXPOSE 80-82/tcp\n',
];

async function buildFile(engine: FuzzedEngine, random: Random): Promise<void> {
  const text = mutateText(random, random.pick(DOCKERFILES));
  // What a file could fetch or run is not for trying.
  if (/RUN|https?:|git|@|syntax|FROM\s+(?!scratch|a\b|bb\b)/i.test(text)) return;
  const context = tarOf({ path: 'Dockerfile', content: text }, { path: 'file', content: 'x' });
  const query = random.oneIn(2) ? '?t=built' : '?t=built&version=2';
  const answer = await engine.ask({ method: 'POST' }, `/build${query}`, context);
  check(`build of ${JSON.stringify(text)}`, answer);
}

/** Dispose it to stop the engine, which must leave nothing then. */
export async function engineTargets(): Promise<
  AsyncDisposable & { readonly targets: readonly FuzzTarget[] }
> {
  const engine = await FuzzedEngine.start();
  const inspect = () => engine.inspect();
  return {
    targets: [
      { name: 'api', attempt: (random) => askApi(engine, random), inspect },
      { name: 'archives', attempt: (random) => sendArchive(engine, random), inspect },
      { name: 'builds', attempt: (random) => buildFile(engine, random), inspect },
    ],
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}
