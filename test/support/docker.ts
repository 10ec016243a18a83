import { spawn } from 'node:child_process';
import { busyboxRootTar } from '../fixtures/busybox-image.ts';
import type { Subject } from './subject.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs a program to its end. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 30_000,
    killSignal: 'SIGKILL',
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: { ...process.env, DOCKER_CLI_HINTS: 'false', DOCKER_CONFIG: '/nonexistent', ...options.env },
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => undefined);
  child.on('error', reject);
  child.on('close', (code, signal) => {
    const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString();
    resolve({
      exitCode: code ?? (signal === 'SIGKILL' ? 137 : 128),
      stdout: text(stdout),
      stderr: text(stderr),
    });
  });
  child.stdin.end(options.input);
  return promise;
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

/** Gives the daemon the tiny image `bb:latest` (one static busybox). */
export async function importBusybox(daemon: Subject, reference = 'bb:latest'): Promise<void> {
  await dockerOk(daemon, ['import', '-', reference], { input: busyboxRootTar() });
}
