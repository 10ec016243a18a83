import type { Exchange } from './exchange.ts';
import { dockerErrorText } from './errors/docker-error.ts';
import { drained, startStream } from './respond.ts';

/**
 * Sends progress as lines of JSON. What fails before the first message is the request's own error, with its status;
 * what fails later is told in the stream, since the status has been sent.
 */
export async function sendProgress(exchange: Exchange, messages: AsyncIterable<object>): Promise<void> {
  const iterator = messages[Symbol.asyncIterator]();
  const first = await iterator.next();
  startStream(exchange, 'application/json');
  try {
    for (let step = first; step.done !== true; step = await iterator.next()) {
      writeLine(exchange, step.value);
      await drained(exchange);
      if (exchange.response.destroyed) {
        await iterator.return?.();
        return;
      }
    }
  } catch (error) {
    writeLine(exchange, failureMessage(error));
  }
  exchange.response.end();
}

/** For what answers 200 whatever comes. */
export async function* tellingFailure(messages: AsyncIterable<object>): AsyncGenerator<object, void> {
  try {
    yield* messages;
  } catch (error) {
    yield failureMessage(error);
  }
}

function failureMessage(error: unknown): object {
  const message = dockerErrorText(error);
  return { errorDetail: { message }, error: message };
}

function writeLine(exchange: Exchange, message: object): void {
  exchange.response.write(`${JSON.stringify(message)}\r\n`);
}
