/** The forms in which the command line is delivered: both run every test of it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from './docker.ts';

const project = join(import.meta.dirname, '../..');

export const hasBun: boolean = ['x64', 'x64-baseline', 'aarch64'].some((name) =>
  existsSync(join(project, `node_modules/@oven/bun-linux-${name}/bin/bun`)),
);

/** The words that start it from source. */
export const fromSource: readonly string[] = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  join(project, 'src/main/caisson.ts'),
];

/** The words that start the compiled one, after {@link compileOwnCli}. */
export const compiled: readonly string[] = [join(project, 'build/caisson')];

/** Compiles it where its source is newer, and where this machine has the compiler. */
export async function compileOwnCli(): Promise<void> {
  if (!hasBun) return;
  const built = await runProgram('sh', [join(project, 'scripts/build.sh'), '--if-stale'], {
    timeoutMs: 240_000,
  });
  assert.equal(built.exitCode, 0, built.stderr);
}
