import { spawn } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Context } from './context.ts';

/** A program of this project that is not part of this one. */
export interface OtherProgram {
  readonly name: string;
  /** The variable that says where it is. */
  readonly variable: string;
}

export const ENGINE_PROGRAM: OtherProgram = { name: 'caissond', variable: 'CAISSON_ENGINE' };
export const REGISTRY_PROGRAM: OtherProgram = { name: 'caisson-registry', variable: 'CAISSON_REGISTRY' };

/** Where it is: beside this program, or on the PATH. */
export function findProgram({ environment }: Context, { name, variable }: OtherProgram): string | undefined {
  const own = dirname(realpathSync(process.execPath));
  const script = process.argv[1] ?? '';
  const beside = [
    environment[variable],
    join(own, name),
    join(own, '../bin', name),
    // Run from source, this is src/main/caisson.ts.
    script.endsWith('.ts') ? join(dirname(script), '../../bin', name) : undefined,
  ];
  const onPath = (environment['PATH'] ?? '').split(':').map((directory) => join(directory, name));
  return [...beside, ...onPath].find((path) => path !== undefined && isExecutable(path));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs it on this process's streams. @returns its exit code */
export async function runProgramBeside(
  context: Context,
  program: OtherProgram,
  args: readonly string[],
): Promise<number> {
  const path = findProgram(context, program);
  if (path === undefined) {
    context.say(`${context.program}: ${program.name} is not installed beside this program`);
    return 127;
  }
  const child = spawn(path, args, { stdio: 'inherit' });
  // The terminal's own signals reach both; others come to this process alone.
  const forward = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, forward);
  // As a daemon the registry ignores SIGHUP; here it belongs to the terminal, whose end it must not outlive.
  process.on('SIGHUP', () => void child.kill('SIGTERM'));
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', reject);
  child.once('exit', (code) => resolve(code ?? 1));
  return await promise;
}
