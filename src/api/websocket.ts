/** Taking a connection over as a WebSocket (RFC 6455): one binary stream each way. */
import { createHash } from 'node:crypto';
import { PassThrough, Writable } from 'node:stream';
import type { Socket } from 'node:net';
import { EngineError } from '#base/errors.ts';
import type { Exchange } from './exchange.ts';
import { type RawStream, takeSocket } from './hijack.ts';
import { ClientFrameDecoder, encodeServerFrameHeader, OPCODE } from './websocket-frames.ts';

/** RFC 6455, section 1.3. */
const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const NORMAL_CLOSURE = Buffer.from([0x03, 0xe8]);
const PROTOCOL_ERROR = Buffer.from([0x03, 0xea]);

/** What the client's `Sec-WebSocket-Key` must be answered with. @throws {EngineError} `invalid` if it is none */
export function acceptKey(exchange: Exchange): string {
  const { upgrade, 'sec-websocket-key': key } = exchange.request.headers;
  if (!exchange.upgrading || upgrade?.toLowerCase() !== 'websocket' || key === undefined) {
    throw new EngineError('invalid', 'not websocket protocol');
  }
  return createHash('sha1').update(`${key}${KEY_SUFFIX}`).digest('base64');
}

/** As `takeOver`; ending the output closes the WebSocket. */
export function takeOverWebSocket(exchange: Exchange, accept: string): RawStream {
  const socket = takeSocket(exchange);
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const output = createOutput(socket);
  return { input: createInput(socket), output };
}

function createOutput(socket: Socket): Writable {
  const output = new Writable({
    write: (data: Buffer, _encoding, done) => send(socket, OPCODE.binary, data, done),
    final: (done) => {
      send(socket, OPCODE.close, NORMAL_CLOSURE, () => done());
      socket.end();
    },
  });
  socket.once('close', () => output.destroy());
  return output;
}

function createInput(socket: Socket): PassThrough {
  const input = new PassThrough();
  const decoder = new ClientFrameDecoder();
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const { opcode, data } of decoder.feed(chunk)) take(socket, input, opcode, data);
    } catch {
      send(socket, OPCODE.close, PROTOCOL_ERROR);
      socket.end();
    }
    if (input.writableNeedDrain) socket.pause();
  });
  input.on('drain', () => socket.resume());
  socket.once('end', () => input.end());
  return input;
}

function take(socket: Socket, input: PassThrough, opcode: number, data: Buffer): void {
  if (opcode === OPCODE.ping) send(socket, OPCODE.pong, data);
  else if (opcode === OPCODE.close) input.end();
  else if (opcode < OPCODE.close && data.length > 0 && !input.writableEnded) input.write(data);
}

function send(socket: Socket, opcode: number, data: Buffer, done?: (error?: Error | null) => void): void {
  if (!socket.writable) {
    done?.();
    return;
  }
  socket.cork();
  socket.write(encodeServerFrameHeader(opcode, data.length));
  socket.write(data, done);
  socket.uncork();
}
