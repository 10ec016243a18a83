/** `/distribution/{name}/manifest`: an extension of ours, so that clients of Docker's API never meet it. */
import { decodeIndexPush } from '#wire/manifest.ts';
import type { Exchange } from './exchange.ts';
import { credentialsOf } from './images-registry.ts';
import { readJsonBody } from './request-body.ts';
import { sendJson } from './respond.ts';
import { get, put, type Route } from './route.ts';

export const imageManifestRoutes: readonly Route[] = [
  get('/distribution/:name*/manifest', async (exchange) => {
    sendJson(exchange, 200, await exchange.engine.images.inspectManifest(remoteOf(exchange)));
  }),
  put('/distribution/:name*/manifest', async (exchange) => {
    const index = decodeIndexPush(await readJsonBody(exchange));
    sendJson(exchange, 201, await exchange.engine.images.pushIndex(remoteOf(exchange), index));
  }),
];

function remoteOf(exchange: Exchange) {
  return {
    reference: exchange.param('name'),
    credentials: credentialsOf(exchange),
    insecure: exchange.flag('insecure'),
    signal: exchange.signal,
  };
}
