/** An engine on a small disk of its own, a registry, and the requests that clients make of them. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../support/daemon.ts';
import { DebianRegistry } from '../support/debian-registry.ts';
import { dockerOk, importBusybox } from '../support/docker.ts';
import { type Answer, request } from '../support/http.ts';

const DISK_BYTES = 192 * 2 ** 20;

export class World implements AsyncDisposable {
  readonly engine: TestDaemon;
  readonly pulled: string;
  readonly #registry: DebianRegistry;
  #fullDisks = 0;
  #isDiskFull = false;

  private constructor(engine: TestDaemon, registry: DebianRegistry) {
    this.engine = engine;
    this.#registry = registry;
    this.pulled = `${registry.host}/pulled:latest`;
  }

  static async start(): Promise<World> {
    const engine = new TestDaemon({ flags: ['--network-pool', '2'] });
    mkdirSync(engine.root);
    mountDisk(engine);
    const world = new World(engine, await DebianRegistry.start());
    await engine.start();
    await importBusybox(engine);
    await importBusybox(engine, world.pulled);
    await dockerOk(engine, ['push', world.pulled]);
    await dockerOk(engine, ['rmi', world.pulled]);
    return world;
  }

  /** The disk is full until it is told otherwise. */
  set isDiskFull(isFull: boolean) {
    this.#isDiskFull = isFull;
    if (isFull) this.#fullDisks++;
  }

  /** @returns tells whether the disk is full now, or has been since */
  watchDisk(): () => boolean {
    const before = this.#isDiskFull ? -1 : this.#fullDisks;
    return () => this.#fullDisks > before;
  }

  ask(method: string, path: string, body?: object | Buffer): Promise<Answer> {
    return request(this.engine.socket, method, path, body);
  }

  /** @throws unless the engine answers with success */
  async succeed(method: string, path: string, body?: object | Buffer): Promise<string> {
    const { status, body: text } = await this.ask(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using _registry = this.#registry;
    await using _engine = this.engine;
    await this.engine.ensureRunning();
    for (const { Id } of await this.engine.containers())
      await this.ask('DELETE', `/containers/${Id}?force=1&v=1`);
  }
}

function mountDisk({ directory, root }: TestDaemon): void {
  const image = join(directory, 'disk.img');
  closeSync(openSync(image, 'w'));
  truncateSync(image, DISK_BYTES);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', image]);
  execFileSync('mount', ['-o', 'loop', image, root]);
}
