import { parseArgs } from 'node:util';
import { cleanHost } from '#engine/clean-host.ts';

/** `caissond clean-host`: tells what it removed, a line each. @throws {EngineError} with why it removed nothing */
export async function runCleanHost(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      run: { type: 'string', default: '/run/caisson' },
      kill: { type: 'boolean', default: false },
    },
  });
  for (const removed of await cleanHost(values)) process.stdout.write(`removed ${removed}\n`);
}
