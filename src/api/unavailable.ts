/**
 * What Docker's clients know and this engine does not have: it answers as Docker does where the feature is off, or
 * says what it cannot do. A path that Docker knows is never just "not found".
 */
import { EngineError, type ErrorCode } from '#base/errors.ts';
import type { Exchange } from './exchange.ts';
import { sendJson } from './respond.ts';
import { any, get, type Handler, post, type Route } from './route.ts';

export const NO_SWARM =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

const SWARM_PATHS = ['/swarm', '/nodes', '/services', '/tasks', '/secrets', '/configs'];

export const unavailableRoutes: readonly Route[] = [
  ...SWARM_PATHS.flatMap((path) => [
    any(
      path,
      refuse('unavailable', () => NO_SWARM),
    ),
  ]),
  ...SWARM_PATHS.flatMap((path) => [
    any(
      `${path}/:rest*`,
      refuse('unavailable', () => NO_SWARM),
    ),
  ]),
  post(
    '/swarm/init',
    notYet(() => 'initialize swarm'),
  ),
  post(
    '/swarm/join',
    notYet(() => 'join swarm'),
  ),
  post(
    '/swarm/leave',
    refuse('unavailable', () => 'This node is not part of a swarm'),
  ),
  get('/plugins', (exchange) => sendJson(exchange, 200, [])),
  get(
    '/plugins/privileges',
    notYet((exchange) => `read privileges of plugin ${exchange.text('remote')}`),
  ),
  post(
    '/plugins/pull',
    notYet((exchange) => `install plugin ${exchange.text('remote')}`),
  ),
  post(
    '/plugins/create',
    notYet((exchange) => `create plugin ${exchange.text('name')}`),
  ),
  any('/plugins/:name*', refuse('not-found', noSuchPlugin)),
  ...['json', 'enable', 'disable', 'upgrade', 'push', 'set'].map((verb) =>
    any(`/plugins/:name*/${verb}`, refuse('not-found', noSuchPlugin)),
  ),
  ...['', '/:checkpoint'].map((rest) =>
    any(
      `/containers/:id/checkpoints${rest}`,
      notYet((exchange) => `checkpoint container ${exchange.param('id')}`),
    ),
  ),
];

function noSuchPlugin(exchange: Exchange): string {
  return `plugin ${JSON.stringify(exchange.param('name'))} not found`;
}

function notYet(action: (exchange: Exchange) => string): Handler {
  return refuse('not-implemented', (exchange) => `Cannot ${action(exchange)}: not implemented yet`);
}

function refuse(code: ErrorCode, message: (exchange: Exchange) => string): Handler {
  return (exchange) => {
    throw new EngineError(code, message(exchange));
  };
}
