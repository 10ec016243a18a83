import type { ImageStore } from '#image/image.ts';
import type { Volumes } from '#volume/volume.ts';
import { type Filters, booleanFilter, checkFilters, matchesLabels } from '#base/filters.ts';
import { compilePattern } from '#base/pattern.ts';
import { formatPort, parsePorts } from '#base/ports.ts';
import type { ContainerStatus, MountView } from '../views.ts';
import { containerError } from '../container-errors.ts';
import type { Lookup } from '../lookup.ts';
import type { Container } from '../run/container.ts';
import { viewMounts } from './mount-view.ts';
import { attachmentsOf } from '../run/sandbox-request.ts';
import { viewNetwork } from './network-view.ts';
import { stoppedState } from '../run/state.ts';

export type Predicate = (container: Container) => boolean;

export interface FilterContext {
  readonly lookup: Lookup<Container>;
  readonly images: Pick<ImageStore, 'descendantsOf'>;
  readonly volumes: Pick<Volumes, 'get'>;
}

const KNOWN: ReadonlySet<string> = new Set([
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
]);

const STATUSES: readonly ContainerStatus[] = [
  'created',
  'restarting',
  'running',
  'removing',
  'paused',
  'exited',
  'dead',
];

const HEALTH: ReadonlySet<string> = new Set(['none', 'starting', 'healthy', 'unhealthy']);

/**
 * Decides which containers a list shows, by Docker's filters: several values of one are alternatives (labels are
 * not), several filters all hold.
 *
 * @throws {EngineError} `invalid` for filters and values that Docker refuses, `not-found` for the container of
 * `before` and `since`
 */
export function compileFilters(filters: Filters, context: FilterContext): Predicate {
  checkFilters(filters, KNOWN);
  const predicates = [...filters].map(([name, values]) => compile(name, values, filters, context));
  return (container) => predicates.every((predicate) => predicate(container));
}

function compile(
  name: string,
  values: readonly string[],
  filters: Filters,
  context: FilterContext,
): Predicate {
  switch (name) {
    case 'id':
      return ({ id }) => values.some((value) => id.startsWith(value.toLowerCase()));
    case 'name':
      return nameFilter(values);
    case 'label':
      return ({ spec }) => matchesLabels(values, spec.labels);
    case 'status':
      return statusFilter(values);
    case 'exited':
      return exitedFilter(values);
    case 'health':
      return healthFilter(values);
    case 'is-task': {
      const wanted = booleanFilter(filters, name) ?? false;
      return () => !wanted;
    }
    case 'ancestor':
      return ancestorFilter(values, context);
    case 'before':
    case 'since':
      return ageFilter(name, values, context);
    case 'volume':
      return volumeFilter(values, context);
    case 'network':
      return networkFilter(values);
    case 'publish':
    case 'expose':
      return portFilter(name, values);
    default:
      return () => true;
  }
}

/** A regular expression on the name with or without its slash, or the name itself. */
function nameFilter(values: readonly string[]): Predicate {
  const matchers = values.map((value) => {
    const fits = patternOf(value);
    return (name: string) => name === value || fits(name);
  });
  return ({ name }) => matchers.some((matches) => matches(name) || matches(`/${name}`));
}

/** Docker ignores what is not an expression. */
function patternOf(value: string): (text: string) => boolean {
  try {
    return compilePattern(value);
  } catch {
    return () => false;
  }
}

function statusFilter(values: readonly string[]): Predicate {
  for (const value of values) {
    if (STATUSES.some((status) => status === value)) continue;
    const known = STATUSES.map((status) => JSON.stringify(status)).join(', ');
    throw containerError('filter-status-invalid', { subject: value, details: { known } });
  }
  return ({ state }) => values.includes(state.status);
}

function exitedFilter(values: readonly string[]): Predicate {
  const codes = values.map((value) => {
    if (/^-?\d+$/.test(value)) return Number(value);
    throw containerError('filter-exited-invalid', { subject: value });
  });
  return ({ state }) => {
    const stopped = stoppedState(state);
    return stopped?.status === 'exited' && codes.includes(stopped.exitCode);
  };
}

/** No container has a health yet. */
function healthFilter(values: readonly string[]): Predicate {
  for (const value of values) {
    if (!HEALTH.has(value)) throw containerError('filter-health-invalid', { subject: value });
  }
  return () => values.includes('none');
}

function ancestorFilter(values: readonly string[], { images }: FilterContext): Predicate {
  const ids = new Set<string>(values.flatMap((value) => tryFind(images, value)));
  return ({ definition }) => ids.has(definition.imageId);
}

/** The image and all that were made from it here. Docker ignores one that is not there. */
function tryFind(images: FilterContext['images'], reference: string): readonly string[] {
  try {
    return images.descendantsOf(reference);
  } catch {
    return [];
  }
}

function ageFilter(
  name: 'before' | 'since',
  values: readonly string[],
  { lookup }: FilterContext,
): Predicate {
  const order = [...lookup.values()];
  const position = new Map(order.map((container, index) => [container, index]));
  const limits = values.map((value) => position.get(lookup.get(value)) ?? 0);
  return (container) => {
    const own = position.get(container) ?? order.length;
    return limits.every((limit) => (name === 'before' ? own < limit : own > limit));
  };
}

function volumeFilter(values: readonly string[], { volumes }: FilterContext): Predicate {
  return ({ definition }) =>
    viewMounts(definition.mounts, volumes).some(
      (mount) => values.includes(sourceOf(mount)) || values.includes(mount.target),
    );
}

function sourceOf(mount: MountView): string {
  switch (mount.type) {
    case 'volume':
      return mount.name;
    case 'bind':
      return mount.source;
    case 'tmpfs':
      return '';
  }
}

function networkFilter(values: readonly string[]): Predicate {
  return ({ run, spec }) => {
    const names = attachmentsOf(spec.network).map(({ network }) => network);
    const live = run?.sandbox?.endpoints ?? [];
    return values.some(
      (value) =>
        names.includes(value) ||
        live.some(({ networkName, networkId }) => networkName === value || isPrefix(value, networkId)),
    );
  };
}

function isPrefix(value: string, id: string): boolean {
  return value !== '' && id.startsWith(value);
}

function portFilter(name: 'publish' | 'expose', values: readonly string[]): Predicate {
  const wanted = new Set(
    values.flatMap((value) => {
      if (!value.includes(':')) return parsePorts(value).map(formatPort);
      throw containerError('filter-port-invalid', { subject: value, details: { name } });
    }),
  );
  return (container) => {
    const { sandbox } = viewNetwork(container);
    if (!sandbox) return false;
    if (name === 'publish')
      return sandbox.publications.some(({ hostPort, protocol }) => wanted.has(`${hostPort}/${protocol}`));
    return sandbox.servedPorts.some((port) => wanted.has(formatPort(port)));
  };
}
