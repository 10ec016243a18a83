import { DECODER_TARGETS } from './decoder-targets.ts';
import { engineTargets } from './engine-targets.ts';
import type { FuzzTarget } from './fuzz.ts';
import { registryTarget } from './registry-target.ts';
import { tarTargets } from './tar-targets.ts';

/** All targets, or those of the names. Dispose it to close what they are tried on. */
export async function openTargets(
  names: readonly string[] = [],
): Promise<AsyncDisposable & { readonly targets: readonly FuzzTarget[] }> {
  await using stack = new AsyncDisposableStack();
  const groups = [
    { targets: DECODER_TARGETS },
    stack.use(tarTargets()),
    stack.use(await registryTarget()),
    stack.use(await engineTargets()),
  ];
  const all = groups.flatMap(({ targets }) => targets);
  const unknown = names.find((name) => !all.some((target) => target.name === name));
  if (unknown !== undefined)
    throw new Error(`no target ${unknown}: there are ${all.map(({ name }) => name).join(', ')}`);
  const kept = stack.move();
  return {
    targets: all.filter(({ name }) => names.length === 0 || names.includes(name)),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
