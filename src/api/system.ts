/** What concerns the engine as a whole. */
import { EngineError } from '#base/errors.ts';
import { encodeDiskUsage } from './disk-usage.ts';
import { encodeInfo } from './encode-info.ts';
import { encodeVersion } from './encode-version.ts';
import type { Exchange } from './exchange.ts';
import { sendAnswer, sendJson } from './respond.ts';
import { get, head, type Route } from './route.ts';

type UsageType = 'container' | 'image' | 'volume' | 'build-cache';

const USAGE_TYPES: readonly UsageType[] = ['container', 'image', 'volume', 'build-cache'];

export const systemRoutes: readonly Route[] = [
  get('/_ping', (exchange) => ping(exchange, 'OK')),
  head('/_ping', (exchange) => ping(exchange, '')),
  get('/version', (exchange) => sendJson(exchange, 200, encodeVersion(exchange.engine.version()))),
  get('/info', async (exchange) => sendAnswer(exchange, 'info', encodeInfo(await exchange.engine.info()))),
  get('/system/df', diskUsage),
];

/** Clients learn here which version and which builder to use. */
function ping(exchange: Exchange, body: string): void {
  const { response, context } = exchange;
  response.writeHead(200, [
    ...context.headers,
    // BuildKit: what clients prefer when they build.
    'Builder-Version',
    '2',
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
  const usage = await exchange.engine.diskUsage(types);
  const verbose = exchange.flag('verbose');
  sendAnswer(exchange, 'diskUsage', encodeDiskUsage(usage, new Set(types), verbose));
}

function usageType(text: string): UsageType {
  const type = USAGE_TYPES.find((known) => known === text);
  if (type === undefined) throw new EngineError('invalid', `unknown object type: ${text}`);
  return type;
}
