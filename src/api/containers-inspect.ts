/** `/containers`: what only looks. */
import { parseInteger } from '#base/integers.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import type { FilesystemChange } from '#layer/layer.ts';
import type { FilesystemChange as WireChange } from '#wire/container.ts';
import { encodeInspect } from './container/encode-inspect.ts';
import { encodeListEntry } from './container/encode-list.ts';
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
    const manifests = await manifestsOf(exchange, [view]);
    sendAnswer(exchange, 'containerInspect', encodeInspect(view, manifests.get(view.imageId)));
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
  const manifests = await manifestsOf(exchange, rows);
  sendAnswer(
    exchange,
    'containerList',
    rows.map((row) => encodeListEntry(row, manifests.get(row.imageId))),
  );
}

/** The manifests of containers' images, for clients that read them; without those of images that are gone. */
async function manifestsOf(
  exchange: Exchange,
  containers: readonly { readonly imageId: Digest }[],
): Promise<ReadonlyMap<Digest, Descriptor>> {
  const ids = exchange.speaks('1.48') ? new Set(containers.map(({ imageId }) => imageId)) : [];
  const described = await Promise.all(
    [...ids].map(async (id) => [id, await exchange.engine.images.manifestOf(id)] as const),
  );
  return new Map(described.flatMap(([id, manifest]) => (manifest ? [[id, manifest] as const] : [])));
}
