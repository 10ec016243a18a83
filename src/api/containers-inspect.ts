/** `/containers`: what only looks. */
import { parseInteger } from '#base/integers.ts';
import type { FilesystemChange } from '#layer/layer.ts';
import type { FilesystemChange as WireChange } from '#wire/container.ts';
import { encodeInspect } from './container/encode-inspect.ts';
import { encodeListEntry } from './container/encode-list.ts';
import { surroundingsOf } from './container/surroundings.ts';
import type { Exchange } from './exchange.ts';
import { sendAnswer, sendBody, sendJson } from './respond.ts';
import { get, type Route } from './route.ts';

const CHANGE_KINDS: Readonly<Record<FilesystemChange['kind'], WireChange['Kind']>> = {
  modified: 0,
  added: 1,
  deleted: 2,
};

export const containerInspectRoutes: readonly Route[] = [
  get('/containers/json', list),
  get('/containers/:id/json', async (exchange) => {
    const size = exchange.flag('size');
    const view = await exchange.engine.containers.inspect(exchange.param('id'), { size });
    const surroundings = await surroundingsOf(exchange, [view]);
    sendAnswer(exchange, 'containerInspect', encodeInspect(view, surroundings));
  }),
  get('/containers/:id/top', async (exchange) => {
    const { titles, rows } = await exchange.engine.containers.top(
      exchange.param('id'),
      exchange.text('ps_args') || '-ef',
    );
    sendJson(exchange, 200, { Titles: titles, Processes: rows });
  }),
  get('/containers/:id/changes', async (exchange) => {
    const changes = await exchange.engine.containers.changes(exchange.param('id'));
    const rows = changes.map(({ kind, path }): WireChange => ({ Kind: CHANGE_KINDS[kind], Path: path }));
    sendJson(exchange, 200, rows.length === 0 ? null : rows);
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
  const surroundings = await surroundingsOf(exchange, rows);
  sendAnswer(
    exchange,
    'containerList',
    rows.map((row) => encodeListEntry(row, surroundings)),
  );
}
