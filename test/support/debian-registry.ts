import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { makeCertificate } from './certificate.ts';
import { setUser } from '../../src/registry/server/htpasswd.ts';

export interface DebianRegistryOptions {
  readonly user?: { readonly name: string; readonly password: string };
  readonly tls?: boolean;
}

/** Debian's `docker-registry` (the reference implementation) on loopback, with files of its own. */
export class DebianRegistry implements AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(directory: string, port: number, child: ChildProcess) {
    this.directory = directory;
    this.port = port;
    this.#child = child;
  }

  static get isInstalled(): boolean {
    return spawnSync('docker-registry', ['--version']).status === 0;
  }

  static async start(options: DebianRegistryOptions = {}): Promise<DebianRegistry> {
    const directory = mkdtempSync(join(tmpdir(), 'caisson-debian-registry-'));
    const port = await freePort();
    const http: Record<string, unknown> = { addr: `127.0.0.1:${port}`, secret: 'test' };
    if (options.tls) http['tls'] = registryTls(directory);
    const config = {
      version: 0.1,
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
      http,
      ...(options.user ? { auth: await makeUsers(directory, options.user) } : {}),
    };
    // YAML reads JSON.
    writeFileSync(join(directory, 'config.yml'), JSON.stringify(config));
    const child = spawn('docker-registry', ['serve', join(directory, 'config.yml')], { stdio: 'ignore' });
    const registry = new DebianRegistry(directory, port, child);
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error('docker-registry did not start');
      await sleep(10);
    }
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** PEM of the certificate, which is its own authority. */
  get certificate(): string {
    return readFileSync(join(this.directory, 'cert.pem'), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    rmSync(this.directory, { recursive: true });
  }
}

function registryTls(directory: string): object {
  const { key, cert } = makeCertificate(directory);
  return { certificate: cert, key };
}

async function makeUsers(directory: string, user: { name: string; password: string }): Promise<object> {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'users');
  await setUser(path, user.name, user.password);
  return { htpasswd: { realm: 'test', path } };
}

function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => {
    socket.destroy();
    resolve(true);
  });
  socket.once('error', () => resolve(false));
  return promise;
}
