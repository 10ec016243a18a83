import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findLeftovers, removeLeftovers } from './leftovers.ts';

const project = join(import.meta.dirname, '../..');

/**
 * A real daemon on a root, run directory, bridge and address pool of its own. Disposing it removes its containers,
 * stops it, deletes its files and fails on whatever it left behind.
 */
export class TestDaemon implements AsyncDisposable {
  readonly directory = mkdtempSync('/tmp/caisson-test-');
  readonly root = join(this.directory, 'root');
  readonly run = join(this.directory, 'run');
  readonly socket = join(this.directory, 'caisson.sock');
  readonly host = `unix://${this.socket}`;
  readonly bridge = `cst${this.directory.slice(-6)}`;
  readonly #arguments: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(args: readonly string[]) {
    this.#arguments = args;
  }

  static async start(...args: readonly string[]): Promise<TestDaemon> {
    const daemon = new TestDaemon(args);
    await daemon.start();
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

  /** Starts the daemon (again) on the same directories and waits until it answers. */
  async start(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    const log = openSync(this.logPath, 'a');
    const standard = ['--root', this.root, '--run', this.run, '--host', this.host, '--bridge', this.bridge];
    const child = spawn(join(project, 'bin/caissond'), [...standard, ...this.#arguments], {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...environment },
    });
    this.#child = child;
    const deadline = Date.now() + 20_000;
    while (!(await answers(this.socket))) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`caissond did not start:\n${this.log()}`);
      await sleep(10);
    }
  }

  /** As a crash does: no chance to clean up. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** As an operator does; containers keep running. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  /** What stands on the host because of this daemon, one line each. */
  leftovers(): readonly string[] {
    return findLeftovers(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#child?.exitCode !== null || this.#child.signalCode !== null) await this.start();
      await removeAllContainers(this.socket);
      await this.stop();
      const left = await settle(() => this.leftovers());
      if (left.length > 0)
        throw new Error(`left behind:\n${left.join('\n')}\ndaemon log:\n${this.log().slice(-2000)}`);
    } finally {
      await this.kill();
      removeLeftovers(this);
      rmSync(this.directory, { recursive: true, force: true });
    }
  }
}

function answers(socketPath: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(socketPath);
  socket.once('connect', () => {
    socket.destroy();
    resolve(true);
  });
  socket.once('error', () => resolve(false));
  return promise;
}

async function removeAllContainers(socketPath: string): Promise<void> {
  const { request } = await import('./http.ts');
  const list = await request(socketPath, 'GET', '/containers/json?all=1');
  const rows = JSON.parse(list.body) as { Id: string }[];
  await Promise.all(rows.map((row) => request(socketPath, 'DELETE', `/containers/${row.Id}?force=1&v=1`)));
}

/** What the kernel removes by itself takes a moment. */
async function settle(find: () => readonly string[]): Promise<readonly string[]> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (find().length === 0) return [];
    await sleep(30);
  }
  return find();
}
