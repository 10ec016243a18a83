import { spawn } from 'node:child_process';
import { EngineError } from '#base/errors.ts';
import type { SshEndpoint } from './host.ts';
import { StreamTransport } from './stream-transport.ts';
import type { Transport, TransportEvents } from './transport.ts';

/** The part of what ssh says that is kept for an error. */
const STDERR_BYTES = 4096;

/**
 * A connection through the system's ssh, so the user's keys and `~/.ssh/config` count: on the other machine a command
 * line that is installed there joins it to an engine.
 *
 * @throws {Error} if there is no ssh; that it could not connect is told by `events.closed`
 */
export async function openSshTransport(endpoint: SshEndpoint, events: TransportEvents): Promise<Transport> {
  // A session of its own, as Docker has it: Ctrl+C is for this program, and ssh asks nothing on its terminal.
  const child = spawn('ssh', sshArguments(endpoint), { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.on('spawn', resolve);
  child.on('error', (cause) => reject(new Error(`ssh cannot be run: ${cause.message}`, { cause })));
  await promise;
  const end = (): void => void child.kill();
  process.once('exit', end);
  let said = '';
  let answered = false;
  child.stdout.once('data', () => (answered = true));
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString('utf8')).slice(-STDERR_BYTES)));
  // What is written to an ssh that has ended is lost; its end is told below.
  child.stdin.on('error', () => undefined);
  child.on('close', (code) => {
    process.off('exit', end);
    events.closed(
      answered || code === 0 ? undefined : failure(endpoint, said.trim() || `ssh exited with ${code}`),
    );
  });
  const handle = { destroy: end, ref: () => child.ref(), unref: () => child.unref() };
  return new StreamTransport({ readable: child.stdout, writable: child.stdin, handle }, events);
}

function failure({ host }: SshEndpoint, reason: string): EngineError {
  return new EngineError('unavailable', `Cannot connect to the engine on ${host} over ssh: ${reason}`);
}

/** Whatever shell the user has there, it starts `sh`, which takes the command line that is installed. */
const DIAL = 'command -v caisson >/dev/null && exec caisson "$@"; exec docker "$@"';

function sshArguments({ user, host, port, path }: SshEndpoint): readonly string[] {
  const words = [...(path === undefined ? [] : ['--host', `unix://${path}`]), 'system', 'dial-stdio'];
  return [
    '-o',
    'ConnectTimeout=30',
    '-T',
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', port]),
    '--',
    host,
    ['sh', '-c', DIAL, 'sh', ...words].map(quoted).join(' '),
  ];
}

/** One word for a shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
