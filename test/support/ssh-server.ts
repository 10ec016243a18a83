/** A real sshd that serves git repositories to a user `git`, and root's commands to `operator`, whom only it knows. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.ts';

/** A user that no other program of this machine has. */
const GIT_USER = 'git:*:61234:61234::/:/bin/sh';
const GIT_ID = 61_234;
const OPERATOR_USER = 'operator:*:0:0::/:/bin/sh';
/**
 * Its own view of the machine: the directory that sshd separates its privileges in, and one user more. Since 9.8 it
 * hangs up on addresses that have failed often in the last seconds, which is what tests do.
 */
const IN_NAMESPACE = `mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/sshd &&
mount --bind "$1/passwd" /etc/passwd || exit
set -- -f "$1/sshd_config"
if /usr/sbin/sshd -t "$@" -o PerSourcePenalties=no 2>/dev/null; then set -- "$@" -o PerSourcePenalties=no; fi
exec /usr/sbin/sshd -D -e "$@"`;

export class SshServer implements AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  /** Where it listens on the port that `git@host:path` means; undefined if another server has it on every address. */
  readonly standardHost: string | undefined;
  /** The private key that it takes. */
  readonly key: string;
  readonly #child: ChildProcess;

  private constructor(
    directory: string,
    port: number,
    child: ChildProcess,
    standardHost: string | undefined,
  ) {
    this.directory = directory;
    this.port = port;
    this.key = join(directory, 'key');
    this.#child = child;
    this.standardHost = standardHost;
  }

  /** @param path the directory of the programs that its users find first */
  static async start(path?: string): Promise<SshServer> {
    const directory = mkdtempSync('/tmp/caisson-test-sshd-');
    chmodSync(directory, 0o755);
    const at = (name: string) => join(directory, name);
    makeKey(at('host'));
    makeKey(at('key'));
    writeFileSync(at('passwd'), `${readFileSync('/etc/passwd', 'utf8')}${GIT_USER}\n${OPERATOR_USER}\n`);
    const port = await freePort();
    // Each process has a loopback address of its own.
    const address = `127.83.${(process.pid >> 8) & 255}.${process.pid & 255 || 1}`;
    const settings = [
      `ListenAddress 127.0.0.1:${port}`,
      `ListenAddress ${address}:22`,
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('key.pub')}`,
      'AuthenticationMethods publickey',
      'StrictModes no',
      'UsePAM no',
      'PidFile none',
      ...(path === undefined ? [] : [`SetEnv PATH=${path}:/usr/sbin:/usr/bin:/sbin:/bin`]),
    ];
    writeFileSync(at('sshd_config'), `${settings.join('\n')}\n`);
    const command = ['--mount', '--propagation', 'private', 'sh', '-c', IN_NAMESPACE, 'sh', directory];
    const child = spawn('unshare', command, { stdio: ['ignore', 'ignore', 'pipe'] });
    const said: string[] = [];
    let isListening = false;
    // The server reports its first address last, so the other one is decided by then.
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line);
      isListening = line.includes(`listening on 127.0.0.1 port ${port}`);
      if (isListening) break;
    }
    if (!isListening) throw new Error(`sshd did not start:\n${said.join('\n')}`);
    child.stderr.resume();
    const isStandard = said.some((line) => line.includes(`listening on ${address} port 22`));
    return new SshServer(directory, port, child, isStandard ? address : undefined);
  }

  /** @returns the path that the server knows it by */
  addRepository(name: string, source: string): string {
    const path = join(this.directory, 'repositories', `${name}.git`);
    mkdirSync(join(this.directory, 'repositories'), { recursive: true });
    rmSync(path, { recursive: true, force: true });
    execFileSync('git', ['clone', '-q', '--bare', source, path]);
    execFileSync('chown', ['-R', `${GIT_ID}:${GIT_ID}`, path]);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function makeKey(path: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'a test', '-f', path]);
}
