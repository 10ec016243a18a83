import { spawn } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Context } from './context.ts';

/** The registry is a program of its own, which is found beside this one. @returns its exit code */
export async function runRegistryProgram(context: Context, args: readonly string[]): Promise<number> {
  const program = findProgram(context);
  if (program === undefined) {
    context.say('caisson: caisson-registry is not installed beside this program');
    return 127;
  }
  const child = spawn(program, args, { stdio: 'inherit' });
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

function findProgram({ environment }: Context): string | undefined {
  const own = dirname(realpathSync(process.execPath));
  const script = process.argv[1] ?? '';
  const beside = [
    environment['CAISSON_REGISTRY'],
    join(own, 'caisson-registry'),
    join(own, '../bin/caisson-registry'),
    // Run from source, this is src/main/caisson.ts.
    script.endsWith('.ts') ? join(dirname(script), '../../bin/caisson-registry') : undefined,
  ];
  const onPath = (environment['PATH'] ?? '')
    .split(':')
    .map((directory) => join(directory, 'caisson-registry'));
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
