/** `/distribution/{name}/manifest`: an extension of ours, so that clients of Docker's API never meet it. */
import { decodeIndexPush, type IndexPushed, type ManifestInspect, splitSource } from '#wire/manifest.ts';
import type { Exchange } from './exchange.ts';
import { credentialsOf } from './images-registry.ts';
import { readJsonBody } from './request-body.ts';
import { sendJson } from './respond.ts';
import { get, put, type Route } from './route.ts';

export const imageManifestRoutes: readonly Route[] = [
  get('/distribution/:name*/manifest', async (exchange) => {
    const { descriptor, content } = await exchange.engine.images.inspectManifest(remoteOf(exchange));
    const answer: ManifestInspect = { Descriptor: descriptor, Raw: content.toString('base64') };
    sendJson(exchange, 200, answer);
  }),
  put('/distribution/:name*/manifest', async (exchange) => {
    const { MediaType, Raw, Sources } = decodeIndexPush(await readJsonBody(exchange));
    const { digest, copied } = await exchange.engine.images.pushIndex(remoteOf(exchange), {
      mediaType: MediaType,
      content: Buffer.from(Raw, 'base64'),
      sources: Sources.map(splitSource),
    });
    const answer: IndexPushed = { Digest: digest, Copied: copied };
    sendJson(exchange, 201, answer);
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
