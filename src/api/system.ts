/** What concerns the engine as a whole. */
import { EngineError } from '#base/errors.ts';
import { encodeDiskUsage } from './disk-usage.ts';
import { encodeInfo } from './encode-info.ts';
import { encodeVersion } from './encode-version.ts';
import type { Exchange } from './exchange.ts';
import { sendJson } from './respond.ts';
import type { DiskUsage } from '#wire/system.ts';
import { get, head, type Route } from './route.ts';

type UsageType = 'container' | 'image' | 'volume' | 'build-cache';

const USAGE_TYPES: readonly UsageType[] = ['container', 'image', 'volume', 'build-cache'];

export const systemRoutes: readonly Route[] = [
  get('/_ping', (exchange) => ping(exchange, 'OK')),
  head('/_ping', (exchange) => ping(exchange, '')),
  get('/version', (exchange) => sendJson(exchange, 200, encodeVersion(exchange.engine.version()))),
  get('/info', async (exchange) => sendJson(exchange, 200, encodeInfo(await exchange.engine.info()))),
  get('/system/df', diskUsage),
];

/** Clients learn here which version and which builder to use. */
function ping(exchange: Exchange, body: string): void {
  const { response, context } = exchange;
  response.writeHead(200, [
    ...context.headers,
    'Builder-Version',
    context.builderVersion,
    'Swarm',
    'inactive',
    'Cache-Control',
    'no-cache, no-store, must-revalidate',
    'Pragma',
    'no-cache',
    'Content-Type',
    'text/plain; charset=utf-8',
    'Content-Length',
    String(body.length),
  ]);
  response.end(body);
}

async function diskUsage(exchange: Exchange): Promise<void> {
  const asked = exchange.query.getAll('type');
  const types = asked.length === 0 ? USAGE_TYPES : asked.map(usageType);
  const usage = encodeDiskUsage(await exchange.engine.diskUsage(types));
  sendJson(exchange, 200, exchange.speaks('1.42') ? usage : { ...usage, BuilderSize: cacheSize(usage) });
}

/** The size of the build cache, as older clients read it. */
function cacheSize({ BuildCache }: DiskUsage): number {
  return BuildCache.reduce((sum, { Size }) => sum + Size, 0);
}

function usageType(text: string): UsageType {
  const type = USAGE_TYPES.find((known) => known === text);
  if (type === undefined) throw new EngineError('invalid', `unknown object type: ${text}`);
  return type;
}
