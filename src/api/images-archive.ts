/** `/images`: archives in and out. */
import type { Readable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import { openUrl, withoutPassword } from '#registry/open-url.ts';
import type { ProgressMessage } from '#wire/image.ts';
import { decodePlatform } from '#wire/platform.ts';
import type { Exchange } from './exchange.ts';
import { encodeProgress } from './image-progress.ts';
import { platformsOf, referenceOf } from './images.ts';
import { pull } from './images-registry.ts';
import { sendProgress, tellingFailure } from './progress.ts';
import { bodyStream } from './request-body.ts';
import { sendBody } from './respond.ts';
import { get, post, type Route } from './route.ts';

export const imageArchiveRoutes: readonly Route[] = [
  get('/images/get', (exchange) => save(exchange, exchange.query.getAll('names'))),
  get('/images/:name*/get', (exchange) => save(exchange, [exchange.param('name')])),
  post('/images/load', load),
  post('/images/create', create),
];

async function save(exchange: Exchange, references: readonly string[]): Promise<void> {
  if (references.length === 0) throw new EngineError('invalid', 'Cannot save images: none named');
  await sendBody(
    exchange,
    await exchange.engine.images.save(references, { platforms: platformsOf(exchange, 'platform') }),
    'application/x-tar',
  );
}

async function load(exchange: Exchange): Promise<void> {
  const options = { signal: exchange.signal, platforms: platformsOf(exchange, 'platform') };
  const messages = encodeProgress(exchange.engine.images.load(bodyStream(exchange), options));
  const told = exchange.flag('quiet') ? withoutProgress(messages) : messages;
  await sendProgress(exchange, tellingFailure(told));
}

/** Results and errors only. */
async function* withoutProgress(messages: AsyncIterable<ProgressMessage>): AsyncGenerator<ProgressMessage> {
  for await (const message of messages) {
    if (message.progressDetail === undefined) yield message;
  }
}

async function create(exchange: Exchange): Promise<void> {
  if (exchange.text('fromSrc') !== '') return importArchive(exchange);
  return pull(exchange);
}

async function importArchive(exchange: Exchange): Promise<void> {
  const source = exchange.text('fromSrc');
  const repository = exchange.text('repo');
  const message = exchange.text('message');
  const platform = exchange.text('platform');
  if ((decodePlatform(platform)?.os ?? 'linux') !== 'linux')
    throw new EngineError('invalid', 'operating system is not supported');
  const { archive, origin } =
    source === '-' ? { archive: bodyStream(exchange), origin: source } : await openOrigin(exchange, source);
  const request = {
    archive,
    origin,
    ...(repository !== '' && { reference: referenceOf(repository, exchange.text('tag')) }),
    ...(message !== '' && { message }),
    ...(platform !== '' && { platform }),
    changes: exchange.query.getAll('changes'),
    signal: exchange.signal,
  };
  await sendProgress(
    exchange,
    statusOf(() => exchange.engine.images.import(request), origin),
  );
}

/** What a URL leads to; http where it has no scheme, as in Docker. */
async function openOrigin(
  { signal }: Exchange,
  source: string,
): Promise<{ archive: Readable; origin: string }> {
  const url = URL.parse(source.includes('://') ? source : `http://${source}`);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new EngineError('invalid', `Cannot import ${source}: it is neither - nor a URL of http or https`);
  const archive = await openUrl(url.href, {}, signal);
  const { statusCode: status = 0 } = archive;
  if (status === 200) return { archive, origin: source };
  archive.destroy();
  const code = status === 404 || status === 410 ? 'not-found' : 'unavailable';
  throw new EngineError(code, `Cannot import ${withoutPassword(url.href)}: its server answers ${status}`);
}

async function* statusOf(start: () => Promise<string>, origin: string): AsyncGenerator<ProgressMessage> {
  if (origin !== '-') yield { status: `Downloading from ${withoutPassword(origin)}` };
  yield { status: await start() };
}
