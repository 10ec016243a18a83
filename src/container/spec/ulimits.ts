import type { HostConfig } from '#wire/container.ts';
import type { ContainerContext } from '../context.ts';

/** The engine's limits for what the container does not limit itself. */
export function withDefaultUlimits(
  { defaults }: Pick<ContainerContext, 'defaults'>,
  hostConfig: HostConfig,
): HostConfig {
  const own = hostConfig.Ulimits ?? [];
  const names = new Set(own.map(({ Name }) => Name));
  const added = defaults.ulimits.filter(({ Name }) => !names.has(Name));
  return added.length === 0 ? hostConfig : { ...hostConfig, Ulimits: [...own, ...added] };
}
