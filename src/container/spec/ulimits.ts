import type { ContainerSpec, ResourceLimit } from '../container-spec.ts';
import type { ContainerDefaults } from '../dependencies.ts';

export type UlimitDefaults = Pick<ContainerDefaults, 'ulimits' | 'openFiles'>;

const OPEN_FILES = 'nofile';
/** The value by which clients ask for no limit. */
const UNLIMITED = -1;

/** The spec with the engine's limits for what the container does not limit itself. */
export function withDefaultUlimits(ulimits: readonly ResourceLimit[], spec: ContainerSpec): ContainerSpec {
  const own = spec.process.ulimits;
  const names = new Set(own.map(({ name }) => name));
  const added = ulimits.filter(({ name }) => !names.has(name));
  return added.length === 0 ? spec : { ...spec, process: { ...spec.process, ulimits: [...own, ...added] } };
}

/** The same, and with the limit of open files that the engine itself was started with. */
export function withAllUlimits(defaults: UlimitDefaults, spec: ContainerSpec): ContainerSpec {
  const complete = withDefaultUlimits(defaults.ulimits, spec);
  const { process } = complete;
  if (!defaults.openFiles || process.ulimits.some(({ name }) => name === OPEN_FILES)) return complete;
  const { soft, hard } = defaults.openFiles;
  const limit = { name: OPEN_FILES, soft, hard: hard === Infinity ? UNLIMITED : hard };
  return { ...complete, process: { ...process, ulimits: [...process.ulimits, limit] } };
}
