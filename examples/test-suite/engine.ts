/** One engine for a test file, on a root of its own that goes with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { Engine } from 'caisson';

export interface TestEngine extends AsyncDisposable {
  readonly engine: Engine;
}

export async function startEngine(): Promise<TestEngine> {
  const root = await mkdtemp('/var/tmp/tests-');
  const engine = await Engine.start({ root, run: `${root}/run`, networkPoolSize: 1 });
  return {
    engine,
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}
