import { DOCKER_CONFIG } from './docker-config.ts';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import type { Subject } from './subject.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer | Readable;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs a program to its end; one that takes too long is killed and has exit code 137. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 120_000,
    killSignal: 'SIGKILL',
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: { ...process.env, DOCKER_CLI_HINTS: 'false', DOCKER_CONFIG, ...options.env },
  });
  const exited = once(child, 'close');
  child.stdin.on('error', () => undefined);
  if (options.input instanceof Readable) options.input.pipe(child.stdin);
  else child.stdin.end(options.input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await exited;
  return { exitCode: child.exitCode ?? (child.signalCode === 'SIGKILL' ? 137 : 128), stdout, stderr };
}

/** Debian's real docker command line against the daemon under test. */
export function docker(daemon: Subject, args: readonly string[], options?: RunOptions): Promise<Outcome> {
  return runProgram('docker', ['-H', daemon.host, ...args], options);
}

/** The same, and an error unless it succeeds. Answers its standard output without the last newline. */
export async function dockerOk(
  daemon: Subject,
  args: readonly string[],
  options?: RunOptions,
): Promise<string> {
  const outcome = await docker(daemon, args, options);
  if (outcome.exitCode !== 0)
    throw new Error(
      `docker ${args.join(' ')} exited ${outcome.exitCode}: ${outcome.stderr}${outcome.stdout}`,
    );
  return outcome.stdout.replace(/\n$/, '');
}

/**
 * Says something to a container that repeats it, and leaves once it is heard (by itself, `attach` stays until the
 * container ends). Answers all that was heard.
 */
export async function attachAndSay(
  daemon: Subject,
  container: string,
  line: string,
  ...flags: readonly string[]
): Promise<string> {
  const args = ['-H', daemon.host, 'attach', ...flags, container];
  const child = spawn('docker', args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, DOCKER_CLI_HINTS: 'false', DOCKER_CONFIG },
  });
  const exited = once(child, 'close');
  child.stdin.write(line);
  let heard = '';
  for await (const chunk of child.stdout) {
    heard += String(chunk);
    if (heard.includes(line)) child.kill('SIGKILL');
  }
  await exited;
  return heard;
}

/** Gives the daemon the tiny image `bb:latest` (one static busybox). */
export async function importBusybox(daemon: Subject, reference = 'bb:latest'): Promise<void> {
  await dockerOk(daemon, ['import', '-', reference], { input: busyboxRootTar() });
}
