/** `/exec`, and how an exec comes to be. */
import type { TerminalSize } from '#container/container-spec.ts';
import { decodeExecRequest, decodeExecStart, type ExecStartRequest } from '#wire/decode-exec.ts';
import { askedSize } from './asked-size.ts';
import { pumpAttachment } from './attach-stream.ts';
import { encodeExec, execOfRequest } from './container/exec.ts';
import { dockerErrorText } from './errors/docker-error.ts';
import type { Exchange } from './exchange.ts';
import { streamType, takeOver } from './hijack.ts';
import { readJsonBody } from './request-body.ts';
import { sendEmpty, sendJson } from './respond.ts';
import { get, hijacking, post, type Route } from './route.ts';

export const execRoutes: readonly Route[] = [
  post('/containers/:id/exec', async (exchange) => {
    const asked = decodeExecRequest(await readJsonBody(exchange));
    const request = exchange.speaks('1.42') ? asked : { ...asked, ConsoleSize: null };
    const { id } = await exchange.engine.containers.createExec(exchange.param('id'), execOfRequest(request));
    sendJson(exchange, 201, { Id: id });
  }),
  hijacking(post('/exec/:id/start', start)),
  post('/exec/:id/resize', async (exchange) => {
    await exchange.engine.containers.resizeExec(exchange.param('id'), askedSize(exchange));
    sendEmpty(exchange);
  }),
  get('/exec/:id/json', (exchange) => {
    sendJson(exchange, 200, encodeExec(exchange.engine.containers.inspectExec(exchange.param('id'))));
  }),
];

async function start(exchange: Exchange): Promise<void> {
  const request = decodeExecStart(await readJsonBody(exchange));
  const size = exchange.speaks('1.42') ? sizeOf(request) : undefined;
  const attachment = await exchange.engine.containers.startExec(exchange.param('id'), {
    detach: request.Detach,
    ...(size && { consoleSize: size }),
    describeFailure: dockerErrorText,
  });
  if (attachment === undefined) {
    sendEmpty(exchange);
    return;
  }
  // The client says how it reads, whatever the process has: the two may differ.
  const framed = !request.Tty;
  const client = takeOver(exchange, { contentType: streamType(exchange, framed), bodyConsumed: true });
  await pumpAttachment(attachment, client, () => Promise.resolve(attachment.tty), framed);
}

function sizeOf({ ConsoleSize }: ExecStartRequest): TerminalSize | undefined {
  if (ConsoleSize === null) return undefined;
  const [rows, columns] = ConsoleSize;
  return rows === 0 || columns === 0 ? undefined : { rows, columns };
}
