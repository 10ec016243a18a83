import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request, requestJson } from './http.ts';
import { lastingLeftovers, mountsBelow, type Owners, removeLeftovers } from './leftovers.ts';

const project = join(import.meta.dirname, '../..');

/** What it logs then. */
const READY = 'the engine is ready';

/** `TEST_RUNTIME=runc` runs every test with that runtime. */
const { TEST_RUNTIME } = process.env;
const runtimeFlags = TEST_RUNTIME === undefined ? [] : ['--default-runtime', TEST_RUNTIME];

export interface TestDaemonOptions {
  readonly flags?: readonly string[];
  /** Path of a network namespace to live in. */
  readonly netns?: string;
  /** What starts the daemon, such as `prlimit`. */
  readonly launcher?: readonly string[];
  /** The directory of another daemon that does not run meanwhile; by default a new one. */
  readonly directory?: string;
}

/** One row of `GET /containers/json`. */
export interface ContainerRow {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly State: string;
  readonly Status: string;
}

/**
 * A real daemon on a root, run directory and bridge of its own. Disposing it removes its containers, stops it,
 * deletes its files and fails on whatever it left behind.
 */
export class TestDaemon implements AsyncDisposable {
  readonly directory: string;
  readonly root: string;
  readonly run: string;
  readonly socket: string;
  readonly host: string;
  readonly bridge: string;
  readonly netns?: string;
  readonly #flags: readonly string[];
  readonly #launcher: readonly string[];
  #child: ChildProcess | undefined;

  /** Nothing is started yet. */
  constructor({
    flags = [],
    launcher = [],
    netns,
    directory = mkdtempSync('/tmp/caisson-test-'),
  }: TestDaemonOptions = {}) {
    this.directory = directory;
    this.root = join(directory, 'root');
    this.run = join(directory, 'run');
    this.socket = join(directory, 'caisson.sock');
    this.host = `unix://${this.socket}`;
    this.bridge = `cst${directory.slice(-6)}`;
    this.#flags = flags;
    this.#launcher = launcher;
    if (netns !== undefined) this.netns = netns;
  }

  static async start(...flags: readonly string[]): Promise<TestDaemon> {
    const daemon = new TestDaemon({ flags });
    try {
      await daemon.start();
    } catch (error) {
      await daemon.#discard();
      throw error;
    }
    return daemon;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get logPath(): string {
    return join(this.directory, 'daemon.log');
  }

  log(): string {
    return readFileSync(this.logPath, 'utf8');
  }

  /**
   * Starts the daemon (again) on the same directories and waits until it listens wherever it is to.
   *
   * @param home where the daemon's program is: that of this project, or of a former version of it
   */
  async start(home = project): Promise<void> {
    const before = existsSync(this.logPath) ? this.log().length : 0;
    const child = this.#spawn(home);
    this.#child = child;
    const deadline = Date.now() + 120_000;
    while (!this.log().includes(READY, before)) {
      if (hasEnded(child) || Date.now() > deadline)
        throw new Error(`caissond did not start:\n${this.log().slice(-2000)}`);
      await sleep(5);
    }
  }

  #spawn(home: string): ChildProcess {
    const standard = ['--root', this.root, '--run', this.run, '--host', this.host, '--bridge', this.bridge];
    const command = [join(home, 'bin/caissond'), ...standard, ...runtimeFlags, ...this.#flags];
    const enter = this.netns === undefined ? [] : ['nsenter', `--net=${this.netns}`];
    const line = [...this.#launcher, ...enter, ...command];
    const log = openSync(this.logPath, 'a');
    try {
      return spawn(line[0] ?? '', line.slice(1), { stdio: ['ignore', log, log] });
    } finally {
      closeSync(log);
    }
  }

  /** Starts it where a test that failed has left it stopped. */
  async ensureRunning(): Promise<void> {
    if (!this.#child || hasEnded(this.#child)) await this.start();
  }

  /** Kills the daemon as a crash does, without a chance to clean up. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Stops the daemon as an operator does; containers keep running. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** A crash and the next daemon. */
  async crash(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || hasEnded(child)) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  /** Every container, running or not. */
  containers(): Promise<readonly ContainerRow[]> {
    return requestJson(this.socket, 'GET', '/containers/json?all=1');
  }

  /** What stands on the host because of this daemon and has no owner, one line each. */
  leftovers(owners?: Owners): Promise<readonly string[]> {
    return lastingLeftovers(this, owners);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.ensureRunning();
      await this.#removeContainers();
      await this.stop();
      const left = await this.leftovers();
      if (left.length > 0) throw new Error(`left behind:\n${left.join('\n')}\n${this.log().slice(-2000)}`);
    } finally {
      await this.#discard();
    }
  }

  async #discard(): Promise<void> {
    await this.kill();
    removeLeftovers(this);
    removeTree(this.directory);
  }

  async #removeContainers(): Promise<void> {
    const rows = await this.containers();
    await Promise.all(rows.map(({ Id }) => request(this.socket, 'DELETE', `/containers/${Id}?force=1&v=1`)));
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** It never descends into what is still mounted there, which may be data of the host. */
function removeTree(directory: string): void {
  if (mountsBelow(directory).length > 0) return;
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}
