/**
 * How engines carry many running containers, as a curve: how fast they start, what commands cost then, memory and
 * descriptors, and how soon a daemon answers that was killed with them running. The last step also kills it in the
 * middle of starts. Everything is asked over HTTP, so that no command line is measured.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, createReadStream, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { countDescriptors } from '../test/support/descriptors.ts';
import { request, requestJson } from '../test/support/http.ts';
import { inParallel } from '../test/support/in-parallel.ts';
import { pssMegabytes } from './memory.ts';

const AT_ONCE = 8;
const SAMPLES = 5;
const DEADLINE_MS = 300_000;
const COMMAND = ['sleep', '100000'];

export interface ManyOptions {
  readonly directory: string;
  /** A root file system as a tar. */
  readonly busybox: string;
  /** Running containers, growing. */
  readonly counts: readonly number[];
  /** `docker`, `caisson`; all if there are none. */
  readonly engines: readonly string[];
}

interface Point {
  readonly engine: string;
  readonly running: number;
  readonly startsPerSecond: number;
  readonly runMs: number;
  readonly execMs: number;
  readonly listMs: number;
  readonly megabytes: number;
  /** Memory of the engine's processes, without those in the containers. */
  readonly megabytesEach: number;
  readonly descriptorsEach: number;
  /** From the start of the next daemon until it lists its containers, and how many of them run. */
  readonly answerMs: number;
  readonly found: number;
}

/** A table, which is also printed as it comes into being. */
export async function measureMany(options: ManyOptions): Promise<string> {
  const points: Point[] = [];
  for (const name of ['docker', 'caisson']) {
    if (options.engines.length > 0 && !options.engines.includes(name)) continue;
    if (name === 'docker' && spawnSync('dockerd', ['--version']).error) continue;
    for await (const point of measureEngine(name, options)) {
      points.push(point);
      console.log(rowOf(point));
    }
  }
  return [HEADER, RULE, ...points.map(rowOf), ''].join('\n');
}

async function* measureEngine(name: string, options: ManyOptions): AsyncGenerator<Point> {
  const engine = new KillableDaemon(name, options.directory);
  await engine.start();
  try {
    const image = createReadStream(options.busybox);
    await request(engine.socket, 'POST', '/images/create?fromSrc=-&repo=many&tag=latest', image);
    // The first start opens what all later ones share.
    await run(engine);
    await sleep(3000);
    const idle = { megabytes: engine.megabytes(), descriptors: engine.descriptors() };
    let running = 0;
    for (const count of options.counts) {
      const crashes = count === options.counts.at(-1);
      const startsPerSecond = await grow(engine, running, count, crashes);
      running = count;
      yield { engine: name, running, startsPerSecond, ...(await measureAt(engine, running, idle)) };
    }
    await removeAll(engine);
    console.log(`${name}: ${engine.descriptors() - idle.descriptors} descriptors more than before the first`);
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}

const pathOf = (index: number) => `/containers/many-${index}`;

/** Containers a second; where the daemon is killed on the way, the time of the next one's start counts. */
async function grow(engine: KillableDaemon, from: number, to: number, crashes: boolean): Promise<number> {
  const indices = Array.from({ length: to - from }, (_, index) => from + index);
  const began = performance.now();
  if (crashes) {
    const middle = from + Math.floor((to - from) / 2);
    const starting = inParallel(AT_ONCE, indices, async (index) => {
      await start(engine, index);
      if (index === middle) await engine.kill();
    });
    await starting.catch(() => undefined);
    await engine.start();
  }
  await inParallel(AT_ONCE, indices, (index) => start(engine, index));
  return (indices.length / (performance.now() - began)) * 1000;
}

/** Creates it first, where it is not there from before a crash. */
async function start({ socket }: KillableDaemon, index: number): Promise<void> {
  const body = { Image: 'many', Cmd: COMMAND };
  const created = await request(socket, 'POST', `/containers/create?name=many-${index}`, body);
  if (created.status !== 201 && created.status !== 409) throw new Error(created.body);
  const started = await request(socket, 'POST', `${pathOf(index)}/start`);
  if (started.status >= 400) throw new Error(started.body);
}

async function measureAt(
  engine: KillableDaemon,
  running: number,
  idle: { readonly megabytes: number; readonly descriptors: number },
): Promise<Omit<Point, 'engine' | 'running' | 'startsPerSecond'>> {
  // Threads and connections that only work needs go meanwhile.
  await sleep(12_000);
  const megabytes = engine.megabytes();
  const megabytesEach = (megabytes - idle.megabytes) / running;
  const descriptorsEach = (engine.descriptors() - idle.descriptors) / running;
  const listMs = await median(() => listRunning(engine));
  const execMs = await median(() => exec(engine));
  const runMs = await median(() => run(engine));
  await engine.kill();
  const began = performance.now();
  await engine.start();
  const found = await listRunning(engine);
  const answerMs = performance.now() - began;
  return { runMs, execMs, listMs, megabytes, megabytesEach, descriptorsEach, answerMs, found };
}

async function listRunning({ socket }: KillableDaemon): Promise<number> {
  return (await requestJson<readonly unknown[]>(socket, 'GET', '/containers/json')).length;
}

async function exec({ socket }: KillableDaemon): Promise<void> {
  const body = { Cmd: ['true'], AttachStdout: true };
  const { Id } = await requestJson<{ Id: string }>(socket, 'POST', `${pathOf(0)}/exec`, body);
  await request(socket, 'POST', `/exec/${Id}/start`, { Detach: false, Tty: false });
}

async function run({ socket }: KillableDaemon): Promise<void> {
  const body = { Image: 'many', Cmd: ['true'] };
  const { Id } = await requestJson<{ Id: string }>(socket, 'POST', '/containers/create', body);
  await request(socket, 'POST', `/containers/${Id}/start`);
  await request(socket, 'POST', `/containers/${Id}/wait`);
  await request(socket, 'DELETE', `/containers/${Id}`);
}

async function removeAll({ socket }: KillableDaemon): Promise<void> {
  const rows = await requestJson<readonly { Id: string }[]>(socket, 'GET', '/containers/json?all=1');
  await inParallel(AT_ONCE, rows, async ({ Id }) => {
    const { status, body } = await request(socket, 'DELETE', `/containers/${Id}?force=1&v=1`);
    if (status !== 204) throw new Error(body);
  });
  await sleep(12_000);
}

async function median(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(SAMPLES / 2)] ?? Number.NaN;
}

/** A daemon that keeps its containers when it is killed. */
class KillableDaemon implements AsyncDisposable {
  readonly socket: string;
  readonly #run: string;
  readonly #command: readonly string[];
  readonly #log: string;
  #child: ChildProcess | undefined;

  constructor(name: string, directory: string) {
    this.socket = join(directory, `many-${name}.sock`);
    this.#log = `${this.socket}.log`;
    this.#run = join(directory, 'run', `many-${name}`);
    const root = join(directory, `many-${name}`);
    this.#command =
      name === 'docker'
        ? ['dockerd', '--live-restore', '--data-root', root, '--exec-root', this.#run]
        : [join(import.meta.dirname, '../bin/caissond'), '--root', root, '--run', this.#run];
    if (name === 'docker') this.#command = [...this.#command, '--pidfile', `${this.socket}.pid`];
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const log = openSync(this.#log, 'a');
    const [program = '', ...args] = this.#command;
    const child = spawn(program, [...args, '--host', `unix://${this.socket}`], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child = child;
    const deadline = performance.now() + DEADLINE_MS;
    while (!(await this.#answers())) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`${program} does not answer:\n${readFileSync(this.#log, 'utf8').slice(-2000)}`);
      await sleep(2);
    }
  }

  async #answers(): Promise<boolean> {
    if (!existsSync(this.socket)) return false;
    try {
      return (await request(this.socket, 'GET', '/containers/json')).status === 200;
    } catch {
      return false;
    }
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  descriptors(): number {
    return countDescriptors(this.#child?.pid ?? 0);
  }

  /**
   * Memory of the daemon and of what it needs beside it: all processes that have its run directory in their arguments.
   */
  megabytes(): number {
    return pssMegabytes((command) => command.includes(this.#run));
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGTERM');
  }
}

const HEADER =
  '| running | engine | starts a second | run | exec | list | memory | memory each | descriptors each | answer after kill -9 |';
const RULE = `|${' --- |'.repeat(10)}`;

const ms = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;

function rowOf(point: Point): string {
  const { running, engine, found } = point;
  const cells = [
    String(running),
    engine,
    point.startsPerSecond.toFixed(1),
    ms(point.runMs),
    ms(point.execMs),
    ms(point.listMs),
    `${point.megabytes.toFixed(0)} MB`,
    `${point.megabytesEach.toFixed(2)} MB`,
    point.descriptorsEach.toFixed(1),
    ms(point.answerMs) + (found === running ? '' : ` (${found} run)`),
  ];
  return `| ${cells.join(' | ')} |`;
}
