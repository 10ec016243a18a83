import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountsBelow } from './leftovers.ts';
import type { Subject } from './subject.ts';

/**
 * Docker's own daemon, with directories and mounts of its own. It has no networks, so that it leaves the host's
 * firewall and links alone: its containers run with `--network none`.
 */
export class DockerDaemon implements Subject {
  readonly directory: string;
  readonly #child: ChildProcess;

  private constructor(directory: string, child: ChildProcess) {
    this.directory = directory;
    this.#child = child;
  }

  static get isInstalled(): boolean {
    return existsSync('/usr/sbin/dockerd');
  }

  /**
   * @param settings those of a `daemon.json`
   * @param network `own`: a bridge, in a network namespace that leads nowhere
   */
  static async start(
    settings: object = {},
    { network = 'none' }: { readonly network?: 'none' | 'own' } = {},
  ): Promise<DockerDaemon> {
    const directory = mkdtempSync('/tmp/caisson-test-dockerd-');
    const path = (name: string): string => join(directory, name);
    const places = ['--data-root', path('root'), '--exec-root', path('run'), '--pidfile', path('pid')];
    const untouched = ['--iptables=false', '--ip6tables=false', '--ip-forward=false'];
    const noNetwork = network === 'none' ? ['--bridge', 'none', ...untouched] : untouched;
    writeFileSync(path('daemon.json'), JSON.stringify(settings));
    const log = openSync(path('log'), 'w');
    // A mount namespace too: it mounts its network namespaces below /run/docker.
    const dockerd = [
      'dockerd',
      '--config-file',
      path('daemon.json'),
      ...places,
      ...noNetwork,
      '-H',
      `unix://${path('docker.sock')}`,
    ];
    const namespaces = network === 'none' ? ['--mount'] : ['--mount', '--net'];
    const command = [...namespaces, '--propagation', 'private', ...dockerd];
    const child = spawn('unshare', command, { stdio: ['ignore', log, log] });
    closeSync(log);
    const daemon = new DockerDaemon(directory, child);
    for (let attempts = 0; !daemon.#answers(); attempts++) {
      if (child.exitCode !== null || attempts > 1000)
        throw new Error(`dockerd did not start:\n${readFileSync(path('log'), 'utf8').slice(-2000)}`);
      await sleep(100);
    }
    return daemon;
  }

  get socket(): string {
    return join(this.directory, 'docker.sock');
  }

  get host(): string {
    return `unix://${this.socket}`;
  }

  #answers(): boolean {
    return spawnSync('docker', ['-H', this.host, 'version']).status === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
    for (const { target } of mountsBelow(this.directory).toReversed()) spawnSync('umount', ['-l', target]);
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
