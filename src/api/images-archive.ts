/** `/images`: archives in and out. */
import { EngineError } from '#base/errors.ts';
import type { ProgressMessage } from '#wire/image.ts';
import type { Exchange } from './exchange.ts';
import { encodeProgress } from './image-progress.ts';
import { platformOf, referenceOf } from './images.ts';
import { pull } from './images-registry.ts';
import { sendProgress } from './progress.ts';
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
    await exchange.engine.images.save(references, platformOf(exchange)),
    'application/x-tar',
  );
}

async function load(exchange: Exchange): Promise<void> {
  const { signal } = exchange;
  const messages = encodeProgress(exchange.engine.images.load(bodyStream(exchange), { signal }));
  await sendProgress(exchange, exchange.flag('quiet') ? withoutProgress(messages) : messages);
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
  if (source !== '-') {
    throw new EngineError(
      'not-implemented',
      `Cannot import ${source}: only an archive in the request is accepted`,
    );
  }
  const repository = exchange.text('repo');
  const message = exchange.text('message');
  const platform = exchange.text('platform');
  const archive = bodyStream(exchange);
  const importing = exchange.engine.images.import({
    archive,
    ...(repository !== '' && { reference: referenceOf(repository, exchange.text('tag')) }),
    ...(message !== '' && { message }),
    ...(platform !== '' && { platform }),
    changes: exchange.query.getAll('changes'),
    signal: exchange.signal,
  });
  await sendProgress(exchange, statusOf(importing));
}

async function* statusOf(importing: Promise<string>): AsyncGenerator<ProgressMessage> {
  yield { status: await importing };
}
