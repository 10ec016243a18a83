import type { ContainerDefaults } from '../context.ts';
import type { ContainerSpec } from '../container-spec.ts';

/** The spec with the engine's limits for what the container does not limit itself. */
export function withDefaultUlimits(
  { defaults }: { readonly defaults: Pick<ContainerDefaults, 'ulimits'> },
  spec: ContainerSpec,
): ContainerSpec {
  const own = spec.process.ulimits;
  const names = new Set(own.map(({ name }) => name));
  const added = defaults.ulimits.filter(({ name }) => !names.has(name));
  return added.length === 0 ? spec : { ...spec, process: { ...spec.process, ulimits: [...own, ...added] } };
}
