/** `/networks`. */
import { EngineError } from '#base/errors.ts';
import { booleanFilter, checkFilters, type Filters, matchesLabels } from '#base/filters.ts';
import type { NetworkInspect } from '#wire/network.ts';
import type { Exchange } from './exchange.ts';
import { sendJson } from './respond.ts';
import { get, post, type Route, remove } from './route.ts';

const LIST_FILTERS = new Set(['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']);
const PRUNE_FILTERS = new Set(['label', 'label!', 'until']);
const PREDEFINED = new Set(['bridge', 'host', 'none']);

export const networkRoutes: readonly Route[] = [
  get('/networks', list),
  get('/networks/:id', (exchange) =>
    sendJson(exchange, 200, exchange.engine.networks.inspect(exchange.param('id'))),
  ),
  post('/networks/create', notYet('create network')),
  post('/networks/prune', (exchange) => {
    checkFilters(exchange.filters(), PRUNE_FILTERS);
    sendJson(exchange, 200, { NetworksDeleted: null });
  }),
  post('/networks/:id/connect', notYet('connect container to network')),
  post('/networks/:id/disconnect', notYet('disconnect container from network')),
  remove('/networks/:id', removeNetwork),
];

/** Who is on a network is told by its inspection only, as in Docker since API 1.28. */
function list(exchange: Exchange): void {
  const filters = exchange.filters();
  checkFilters(filters, LIST_FILTERS);
  const networks = exchange.engine.networks.list().filter((network) => matches(network, filters));
  const rows = networks.map((network) => ({ ...network, Containers: {} }));
  sendJson(exchange, 200, rows);
}

function matches(network: NetworkInspect, filters: Filters): boolean {
  const any = (name: string, test: (value: string) => boolean) => filters.get(name)?.some(test) ?? true;
  const dangling = booleanFilter(filters, 'dangling');
  return (
    any('name', (value) => network.Name.includes(value)) &&
    any('id', (value) => network.Id.startsWith(value)) &&
    any('driver', (value) => network.Driver === value) &&
    any('scope', (value) => network.Scope === value) &&
    any('type', (value) => isOfType(network, value)) &&
    matchesLabels(filters.get('label'), network.Labels) &&
    (dangling === undefined || dangling === isDangling(network))
  );
}

function isOfType(network: NetworkInspect, type: string): boolean {
  if (type !== 'builtin' && type !== 'custom') {
    throw new EngineError('invalid', `invalid filter: 'type'='${type}'`);
  }
  return PREDEFINED.has(network.Name) === (type === 'builtin');
}

function isDangling(network: NetworkInspect): boolean {
  return !PREDEFINED.has(network.Name) && Object.keys(network.Containers).length === 0;
}

function removeNetwork(exchange: Exchange): void {
  const { Name } = exchange.engine.networks.inspect(exchange.param('id'));
  if (PREDEFINED.has(Name)) {
    throw new EngineError('forbidden', `${Name} is a pre-defined network and cannot be removed`);
  }
  throw new EngineError('not-implemented', `Cannot remove network ${Name}: not implemented yet`);
}

function notYet(action: string): () => void {
  return () => {
    throw new EngineError('not-implemented', `Cannot ${action}: not implemented yet`);
  };
}
