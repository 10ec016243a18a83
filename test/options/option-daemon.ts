import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';

interface OptionDaemonParts {
  readonly directory: string;
  readonly port: number;
  readonly flags: readonly string[];
  readonly netns?: string;
}

/** A daemon whose options are looked at. */
export class OptionDaemon extends TestDaemon {
  readonly port: number;
  readonly pidfile: string;

  private constructor({ directory, port, flags, netns }: OptionDaemonParts) {
    super({ directory, flags, ...(netns !== undefined && { netns }) });
    this.port = port;
    this.pidfile = join(directory, 'engine.pid');
  }

  /** @param settings those of its configuration file */
  static async prepare(settings: object, flags: readonly string[], netns?: string): Promise<OptionDaemon> {
    const directory = mkdtempSync('/tmp/caisson-test-');
    const config = join(directory, 'config.json');
    writeFileSync(config, JSON.stringify(settings));
    const port = await freePort();
    const own = ['--config-file', config, '--pidfile', join(directory, 'engine.pid')];
    const all = [...own, '-H', `127.0.0.1:${port}`, ...flags];
    return new OptionDaemon({ directory, port, flags: all, ...(netns !== undefined && { netns }) });
  }

  /** What a program prints in the daemon's network namespace. */
  inside(command: string, ...args: readonly string[]): string {
    return execFileSync('nsenter', [`--net=${this.netns}`, command, ...args], { encoding: 'utf8' });
  }
}
