/** `/containers`: what changes a container. */
import { parseInteger } from '#base/integers.ts';
import { checkFilters } from '#base/filters.ts';
import { decodeCreateRequest } from '#wire/decode-create.ts';
import { decodeUpdateRequest, type UpdateRequest } from '#wire/decode-update.ts';
import { decodePlatform } from '#wire/platform.ts';
import { checkPlatform, platformWarnings } from './container/check-request.ts';
import { askedSize } from './asked-size.ts';
import { limitsOf } from './container/limits.ts';
import { restartPolicyOf, specOfRequest } from './container/spec-of-request.ts';
import { inContext } from './errors/in-context.ts';
import type { Exchange } from './exchange.ts';
import { readJsonBody } from './request-body.ts';
import { sendEmpty, sendJson, sendNothing } from './respond.ts';
import { post, type Route, remove } from './route.ts';

const PRUNE_FILTERS = new Set(['label', 'label!', 'until']);

export const containerLifecycleRoutes: readonly Route[] = [
  post('/containers/create', create),
  post('/containers/prune', prune),
  post('/containers/:id/start', start),
  post('/containers/:id/stop', async (exchange) => {
    await exchange.engine.containers.stop(exchange.param('id'), stopOptions(exchange));
    sendNothing(exchange);
  }),
  post('/containers/:id/restart', async (exchange) => {
    await exchange.engine.containers.restart(exchange.param('id'), stopOptions(exchange));
    sendNothing(exchange);
  }),
  post('/containers/:id/kill', async (exchange) => {
    const id = exchange.param('id');
    await inContext(`cannot kill container: ${id}`, () =>
      exchange.engine.containers.kill(id, exchange.text('signal') || 'KILL'),
    );
    sendNothing(exchange);
  }),
  post('/containers/:id/pause', async (exchange) => {
    await exchange.engine.containers.pause(exchange.param('id'));
    sendNothing(exchange);
  }),
  post('/containers/:id/unpause', async (exchange) => {
    await exchange.engine.containers.unpause(exchange.param('id'));
    sendNothing(exchange);
  }),
  post('/containers/:id/rename', async (exchange) => {
    await exchange.engine.containers.rename(exchange.param('id'), exchange.text('name'));
    sendNothing(exchange);
  }),
  post('/containers/:id/resize', resize),
  post('/containers/:id/update', update),
  remove('/containers/:id*', removeContainer),
];

async function create(exchange: Exchange): Promise<void> {
  const requested = decodeCreateRequest(
    await readJsonBody(exchange),
    exchange.version,
    exchange.engine.networks.defaultNetwork,
  );
  const { spec, warnings } = specOfRequest(requested, exchange.version);
  const name = exchange.text('name');
  const platform = decodePlatform(exchange.text('platform'));
  const created = await exchange.engine.containers.create({
    spec,
    requested,
    ...(name !== '' && { name }),
    ...(platform && { platform }),
  });
  sendJson(exchange, 201, { Id: created.id, Warnings: [...created.warnings, ...warnings] });
}

async function start(exchange: Exchange): Promise<void> {
  const detachKeys = exchange.text('detachKeys');
  await exchange.engine.containers.start(exchange.param('id'), detachKeys === '' ? {} : { detachKeys });
  sendNothing(exchange);
}

function stopOptions(exchange: Exchange): { readonly signal?: string; readonly timeoutSeconds?: number } {
  const signal = exchange.text('signal');
  const timeout = exchange.text('t');
  return {
    ...(signal !== '' && { signal }),
    ...(timeout !== '' && { timeoutSeconds: parseInteger(timeout) }),
  };
}

async function resize(exchange: Exchange): Promise<void> {
  await exchange.engine.containers.resize(exchange.param('id'), askedSize(exchange));
  sendEmpty(exchange);
}

async function update(exchange: Exchange): Promise<void> {
  const { RestartPolicy, ...changes } = decodeUpdateRequest(await readJsonBody(exchange), exchange.version);
  checkPlatform(changes);
  const ignored = updateWarnings(changes);
  const { warnings: others } = await exchange.engine.containers.update(exchange.param('id'), {
    limits: limitsOf({ ...changes, CgroupParent: '' }),
    ...(RestartPolicy && { restart: restartPolicyOf(RestartPolicy) }),
  });
  const warnings = [...others, ...ignored];
  sendJson(exchange, 200, { Warnings: warnings.length === 0 ? null : warnings });
}

/** What a container is made with, and keeps. */
const UNCHANGEABLE = [
  'CgroupParent',
  'Devices',
  'DeviceCgroupRules',
  'DeviceRequests',
  'Ulimits',
  'Init',
] as const;

function updateWarnings(changes: UpdateRequest): readonly string[] {
  const kept = UNCHANGEABLE.filter((field) => changes[field] !== undefined);
  return [
    ...platformWarnings(changes),
    ...kept.map(
      (field) => `${field} cannot be changed by an update: the container keeps what it was created with.`,
    ),
  ];
}

async function removeContainer(exchange: Exchange): Promise<void> {
  await exchange.engine.containers.remove(exchange.param('id'), {
    force: exchange.flag('force'),
    volumes: exchange.flag('v'),
    link: exchange.flag('link'),
  });
  sendNothing(exchange);
}

async function prune(exchange: Exchange): Promise<void> {
  const filters = exchange.filters();
  checkFilters(filters, PRUNE_FILTERS);
  const { removed, reclaimedBytes } = await exchange.engine.containers.prune(filters);
  const deleted = removed.length === 0 ? null : removed;
  sendJson(exchange, 200, { ContainersDeleted: deleted, SpaceReclaimed: reclaimedBytes });
}
