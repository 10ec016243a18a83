import { EngineError } from '#base/errors.ts';
import { parseBoolean } from '#base/booleans.ts';
import { decodeCommitConfig } from '#wire/decode-commit.ts';
import type { Exchange } from './exchange.ts';
import { referenceOf } from './images.ts';
import { hasBody, readJsonBody } from './request-body.ts';
import { sendJson } from './respond.ts';
import { post, type Route } from './route.ts';

export const commitRoutes: readonly Route[] = [post('/commit', commit)];

async function commit(exchange: Exchange): Promise<void> {
  const container = exchange.text('container');
  if (container === '') throw new EngineError('invalid', 'invalid name or ID supplied: ""');
  const repository = exchange.text('repo');
  const pause = exchange.query.get('pause');
  const config = decodeCommitConfig(hasBody(exchange) ? await readJsonBody(exchange) : '');
  const id = await exchange.engine.containers.commit(container, {
    ...(repository !== '' && { reference: referenceOf(repository, exchange.text('tag')) }),
    comment: exchange.text('comment'),
    author: exchange.text('author'),
    changes: exchange.query.getAll('changes'),
    ...(config && { config }),
    pause: pause === null || pause === '' || parseBoolean(pause),
    signal: exchange.signal,
  });
  sendJson(exchange, 201, { Id: id });
}
