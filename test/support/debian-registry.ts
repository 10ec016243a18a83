import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCertificate } from './certificate.ts';
import { setUser } from '../../src/registry-server/htpasswd.ts';

export interface DebianRegistryOptions {
  readonly user?: { readonly name: string; readonly password: string };
  readonly tls?: boolean;
  /** Where it sends clients for tokens. */
  readonly tokenServer?: string;
}

/** Debian's `docker-registry` (the reference implementation) on loopback, with files of its own. */
export class DebianRegistry implements AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  #child: ChildProcess;

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
    return new DebianRegistry(directory, ...(await serve(directory, 0, options)));
  }

  /** The same address and content, with other settings. */
  async restart(options: DebianRegistryOptions = {}): Promise<void> {
    await this.#end();
    [, this.#child] = await serve(this.directory, this.port, options);
  }

  async #end(): Promise<void> {
    this.#child.kill('SIGKILL');
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** PEM of the certificate, which is its own authority. */
  get certificate(): string {
    return readFileSync(join(this.directory, 'cert.pem'), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    rmSync(this.directory, { recursive: true });
  }
}

async function serve(
  directory: string,
  port: number,
  options: DebianRegistryOptions,
): Promise<[port: number, child: ChildProcess]> {
  const http: Record<string, unknown> = { addr: `127.0.0.1:${port}`, secret: 'test' };
  if (options.tls) http['tls'] = registryTls(directory);
  const config = {
    version: 0.1,
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    http,
    ...(options.user ? { auth: await makeUsers(directory, options.user) } : {}),
    ...(options.tokenServer ? { auth: tokenAuthentication(directory, options.tokenServer) } : {}),
  };
  // YAML reads JSON.
  writeFileSync(join(directory, 'config.yml'), JSON.stringify(config));
  const log = join(directory, 'log');
  const fd = openSync(log, 'w');
  const command = ['serve', join(directory, 'config.yml')];
  const child = spawn('docker-registry', command, { stdio: ['ignore', 'ignore', fd] });
  closeSync(fd);
  return [await portOf(child, log), child];
}

function tokenAuthentication(directory: string, realm: string): object {
  const { cert } = makeCertificate(join(directory, 'tokens'));
  return { token: { realm, service: 'test', issuer: 'test', rootcertbundle: cert } };
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

/** What it says that it listens on. */
async function portOf(child: ChildProcess, logPath: string): Promise<number> {
  for (;;) {
    const hasEnded = child.exitCode !== null;
    const log = readFileSync(logPath, 'utf8');
    const [, port] = /listening on 127\.0\.0\.1:(\d+)/.exec(log) ?? [];
    if (port !== undefined) return Number(port);
    if (hasEnded) throw new Error(`docker-registry did not start:\n${log.slice(-2000)}`);
    await sleep(10);
  }
}
