/** `/containers`: what only looks. */
import { parseInteger } from '#base/integers.ts';
import type { Exchange } from './exchange.ts';
import { sendBody, sendJson } from './respond.ts';
import { get, type Route } from './route.ts';

export const containerInspectRoutes: readonly Route[] = [
  get('/containers/json', list),
  get('/containers/:id/json', async (exchange) => {
    const size = exchange.flag('size');
    sendJson(exchange, 200, await exchange.engine.containers.inspect(exchange.param('id'), { size }));
  }),
  get('/containers/:id/top', async (exchange) => {
    const table = await exchange.engine.containers.top(
      exchange.param('id'),
      exchange.text('ps_args') || '-ef',
    );
    sendJson(exchange, 200, table);
  }),
  get('/containers/:id/changes', async (exchange) => {
    const changes = await exchange.engine.containers.changes(exchange.param('id'));
    sendJson(exchange, 200, changes.length === 0 ? null : changes);
  }),
  get('/containers/:id/export', async (exchange) => {
    await sendBody(
      exchange,
      await exchange.engine.containers.export(exchange.param('id')),
      'application/x-tar',
    );
  }),
];

async function list(exchange: Exchange): Promise<void> {
  const filters = exchange.filters();
  const limit = exchange.text('limit');
  const rows = await exchange.engine.containers.list({
    all: exchange.flag('all'),
    limit: limit === '' ? 0 : Math.max(0, parseInteger(limit)),
    size: exchange.flag('size'),
    filters,
  });
  sendJson(exchange, 200, rows);
}
