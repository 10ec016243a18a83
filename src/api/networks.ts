/** `/networks`. */
import { EngineError } from '#base/errors.ts';
import { booleanFilter, checkFilters, type Filters, untilFilter } from '#base/filters.ts';
import type { NetworkFilter } from '#network/network.ts';
import { decodeNetworkConnect, decodeNetworkCreate, decodeNetworkDisconnect } from '#wire/decode-network.ts';
import { attachmentOf } from './container/network-of-request.ts';
import { encodeNetwork } from './encode-network.ts';
import type { Exchange } from './exchange.ts';
import { networkOfBody, networkWarning } from './network-of-body.ts';
import { readJsonBody } from './request-body.ts';
import { sendAnswer, sendEmpty, sendJson, sendNothing } from './respond.ts';
import { get, post, type Route, remove } from './route.ts';

const LIST_FILTERS = new Set(['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']);
const PRUNE_FILTERS = new Set(['label', 'label!', 'until']);

export const networkRoutes: readonly Route[] = [
  get('/networks', list),
  get('/networks/', list),
  get('/networks/:id', (exchange) =>
    sendAnswer(
      exchange,
      'networkInspect',
      encodeNetwork(exchange.engine.networks.inspect(exchange.param('id'))),
    ),
  ),
  post('/networks/create', create),
  post('/networks/prune', prune),
  post('/networks/:id/connect', connect),
  post('/networks/:id/disconnect', disconnect),
  remove('/networks/:id', removeNetwork),
];

/** What is on a network is told by its inspection only, as in Docker since API 1.28. */
function list(exchange: Exchange): void {
  const filters = exchange.filters();
  checkFilters(filters, LIST_FILTERS);
  // Every network of this engine is of the local scope.
  const isElsewhere = filters.get('scope')?.includes('local') === false;
  const views = isElsewhere ? [] : exchange.engine.networks.list(listFilter(filters));
  const withMembers = !exchange.speaks('1.28');
  sendAnswer(
    exchange,
    'networkList',
    views.map((view) => encodeNetwork(withMembers ? view : { ...view, members: [] })),
  );
}

async function prune(exchange: Exchange): Promise<void> {
  const filters = exchange.filters();
  checkFilters(filters, PRUNE_FILTERS);
  const names = await exchange.engine.networks.prune(pruneFilter(filters));
  sendJson(exchange, 200, { NetworksDeleted: names.length > 0 ? names : null });
}

function listFilter(filters: Filters): NetworkFilter {
  const isDangling = booleanFilter(filters, 'dangling');
  const isBuiltIn = builtInFilter(filters.get('type'));
  return {
    ...given('names', filters.get('name')),
    ...given('ids', filters.get('id')),
    ...given('drivers', filters.get('driver')),
    ...given('labels', filters.get('label')),
    ...(isDangling !== undefined && { isDangling }),
    ...(isBuiltIn !== undefined && { isBuiltIn }),
  };
}

function pruneFilter(filters: Filters): NetworkFilter {
  const createdBefore = untilFilter(filters);
  return {
    ...given('labels', filters.get('label')),
    ...given('lacksLabels', filters.get('label!')),
    ...(createdBefore !== undefined && { createdBefore: new Date(createdBefore) }),
  };
}

function given(key: keyof NetworkFilter, values: readonly string[] | undefined): NetworkFilter {
  return values === undefined ? {} : { [key]: values };
}

/** Both types together are all networks. */
function builtInFilter(types: readonly string[] | undefined): boolean | undefined {
  for (const type of types ?? []) {
    if (type !== 'builtin' && type !== 'custom') {
      throw new EngineError('invalid', `invalid filter: 'type'='${type}'`);
    }
  }
  const [first, ...others] = new Set(types);
  return first === undefined || others.length > 0 ? undefined : first === 'builtin';
}

async function create(exchange: Exchange): Promise<void> {
  const body = decodeNetworkCreate(await readJsonBody(exchange));
  const defaults = exchange.context.networkOptions[body.Driver || 'bridge'];
  const asked = { ...body, Options: { ...defaults, ...body.Options } };
  const { id } = await exchange.engine.networks.create(networkOfBody(asked));
  sendJson(exchange, 201, { Id: id, Warning: networkWarning(body) });
}

async function connect(exchange: Exchange): Promise<void> {
  const { Container, EndpointConfig } = decodeNetworkConnect(await readJsonBody(exchange));
  await exchange.engine.containers.connect(
    Container,
    attachmentOf(exchange.param('id'), EndpointConfig ?? undefined),
  );
  sendEmpty(exchange);
}

async function disconnect(exchange: Exchange): Promise<void> {
  const { Container, Force: force } = decodeNetworkDisconnect(await readJsonBody(exchange));
  await exchange.engine.containers.disconnect(Container, exchange.param('id'), { force });
  sendEmpty(exchange);
}

async function removeNetwork(exchange: Exchange): Promise<void> {
  await exchange.engine.networks.remove(exchange.param('id'));
  sendNothing(exchange);
}
