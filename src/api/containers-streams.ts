/** `/containers`: what goes on until the container ends or the client goes. */
import { receiveError } from '#base/error-transfer.ts';
import { EngineError, isEngineError } from '#base/errors.ts';
import type { Attachment, ExitOutcome, LogsRequest, WaitCondition } from '#container/container.ts';
import { parseUnixTimestamp } from '#base/timestamps.ts';
import { pumpAttachment } from './attach-stream.ts';
import { dockerErrorText } from './errors/docker-error.ts';
import type { Exchange } from './exchange.ts';
import { streamType, takeOver } from './hijack.ts';
import { sendLogs } from './log-stream.ts';
import { endStream, sendJson, startStream } from './respond.ts';
import { get, hijacking, post, type Route } from './route.ts';
import { acceptKey, takeOverWebSocket } from './websocket.ts';

const WAIT_CONDITIONS: readonly WaitCondition[] = ['not-running', 'next-exit', 'removed'];

export const containerStreamRoutes: readonly Route[] = [
  hijacking(post('/containers/:id/attach', attach)),
  hijacking(get('/containers/:id/attach/ws', attachWebSocket)),
  post('/containers/:id/wait', wait),
  get('/containers/:id/logs', logs),
];

async function attach(exchange: Exchange): Promise<void> {
  const attachment = await openAttachment(exchange);
  const client = takeOver(exchange, {
    contentType: streamType(exchange, !attachment.tty),
    bodyConsumed: false,
  });
  await pumpAttachment(attachment, client, () => detachesAtEnd(exchange, attachment));
}

/** Never framed: who wants to tell stdout from stderr opens two. */
async function attachWebSocket(exchange: Exchange): Promise<void> {
  const accept = acceptKey(exchange);
  // The choice of streams came with that version.
  const attachment = await openAttachment(exchange, !exchange.speaks('1.42'));
  const client = takeOverWebSocket(exchange, accept);
  await pumpAttachment(attachment, client, () => detachesAtEnd(exchange, attachment), false);
}

/** @param all every stream, whatever is asked for */
function openAttachment(exchange: Exchange, all = false): Promise<Attachment> {
  return exchange.engine.containers.attach(exchange.param('id'), {
    stdin: all || exchange.flag('stdin'),
    stdout: all || exchange.flag('stdout'),
    stderr: all || exchange.flag('stderr'),
    stream: exchange.flag('stream'),
    logs: exchange.flag('logs'),
    detachKeys: exchange.text('detachKeys'),
  });
}

async function detachesAtEnd(exchange: Exchange, attachment: Attachment): Promise<boolean> {
  return attachment.tty || !(await closesStdin(exchange, exchange.param('id')));
}

/** True if the end of the client's input ends the container's, so that its output is still of interest. */
async function closesStdin(exchange: Exchange, id: string): Promise<boolean> {
  try {
    const { spec } = await exchange.engine.containers.inspect(id, { size: false });
    return spec.process.stdin === 'once';
  } catch {
    // Removed meanwhile: its output ends by itself.
    return true;
  }
}

/** The headers go out before the container ends: clients start it only when they have them. */
async function wait(exchange: Exchange): Promise<void> {
  const text = exchange.text('condition') || 'not-running';
  const condition = WAIT_CONDITIONS.find((known) => known === text);
  if (condition === undefined) throw new EngineError('invalid', `invalid condition: ${JSON.stringify(text)}`);
  const { exit } = await exchange.engine.containers.wait(exchange.param('id'), condition, exchange.signal);
  if (!exchange.speaks('1.30')) return sendJson(exchange, 200, await outcomeOf(exit));
  startStream(exchange, 'application/json');
  exchange.response.end(`${JSON.stringify(await outcomeOf(exit))}\n`);
}

async function outcomeOf(exit: Promise<ExitOutcome>): Promise<object> {
  try {
    const { exitCode, failure } = await exit;
    if (!failure) return { StatusCode: exitCode };
    return { Error: { Message: dockerErrorText(receiveError(failure)) }, StatusCode: exitCode };
  } catch (error) {
    // The server closes: the connection breaks, since nothing is known of the container.
    if (isEngineError(error, 'aborted')) throw error;
    return { Error: { Message: dockerErrorText(error) }, StatusCode: -1 };
  }
}

async function logs(exchange: Exchange): Promise<void> {
  const timestamps = exchange.flag('timestamps');
  const details = exchange.flag('details');
  const request = logsRequest(exchange, timestamps);
  const { tty, records } = await exchange.engine.containers.logs(exchange.param('id'), request);
  startStream(exchange, streamType(exchange, !tty));
  await sendLogs(exchange, records, { tty, timestamps, details });
  endStream(exchange);
}

function logsRequest(exchange: Exchange, perLine: boolean): LogsRequest {
  const stdout = exchange.flag('stdout');
  const stderr = exchange.flag('stderr');
  if (!stdout && !stderr)
    throw new EngineError('invalid', 'Bad parameters: you must choose at least one stream');
  const sinceNs = parseUnixTimestamp(exchange.text('since'));
  const untilNs = parseUnixTimestamp(exchange.text('until'));
  const tail = tailLines(exchange.text('tail'));
  return {
    stdout,
    stderr,
    follow: exchange.flag('follow'),
    ...(sinceNs !== undefined && { sinceNs }),
    ...(untilNs !== undefined && { untilNs }),
    ...(tail !== undefined && { tail }),
    perLine,
    signal: exchange.signal,
  };
}

/** `all`, nothing, what is negative or no number: every line, as in Docker. */
function tailLines(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
