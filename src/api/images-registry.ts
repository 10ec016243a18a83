/** Images between here and registries. */
import { EngineError, isEngineError } from '#base/errors.ts';
import type { ProgressMessage } from '#wire/image.ts';
import { decodeRegistryAuth, type RegistryAuth } from '#wire/registry-auth.ts';
import type { Exchange } from './exchange.ts';
import { referenceOf } from './images.ts';
import { sendProgress } from './progress.ts';

/** `POST /images/create?fromImage=…` */
export async function pull(exchange: Exchange): Promise<void> {
  const reference = referenceOf(exchange.text('fromImage'), exchange.text('tag'));
  if (reference === '')
    throw new EngineError('invalid', 'Cannot create image: neither fromSrc nor fromImage given');
  const platform = exchange.text('platform');
  const messages = exchange.engine.images.pull({
    reference,
    ...(platform !== '' && { platform }),
    credentials: credentialsOf(exchange),
    signal: exchange.signal,
  });
  await sendProgress(exchange, withDockersStatus(messages));
}

/** As in Docker, a header that cannot be read is anonymous. */
export function credentialsOf({ request }: Exchange): RegistryAuth {
  const header = request.headers['x-registry-auth'];
  try {
    return decodeRegistryAuth(typeof header === 'string' ? header : undefined);
  } catch {
    return {};
  }
}

/** Docker answers 500 where a registry refuses: clients take 401 as being about the engine, and ask for a password. */
async function* withDockersStatus(messages: AsyncIterable<ProgressMessage>): AsyncGenerator<ProgressMessage> {
  try {
    yield* messages;
  } catch (error) {
    const isRegistrys = isEngineError(error, 'unauthorized') || isEngineError(error, 'forbidden');
    throw isRegistrys ? new EngineError('internal', error.message, { cause: error }) : error;
  }
}
