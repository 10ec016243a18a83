/** Taking a connection over as a WebSocket (RFC 6455): one binary stream each way. */
import { createHash } from 'node:crypto';
import { type Duplex, PassThrough, Writable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import type { Exchange } from './exchange.ts';
import { type RawStream, takeConnection } from './hijack.ts';
import { untilRead } from './until-read.ts';
import { ClientFrameDecoder, encodeServerFrameHeader, OPCODE } from './websocket-frames.ts';

/** RFC 6455, section 1.3. */
const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const NORMAL_CLOSURE = Buffer.from([0x03, 0xe8]);
const PROTOCOL_ERROR = Buffer.from([0x03, 0xea]);

/** What the client's `Sec-WebSocket-Key` must be answered with. @throws {EngineError} `invalid` if it is none */
export function acceptKey(exchange: Exchange): string {
  const { upgrade, 'sec-websocket-key': key } = exchange.request.headers;
  if (!exchange.upgrade || upgrade?.toLowerCase() !== 'websocket' || key === undefined) {
    throw new EngineError('invalid', 'not websocket protocol');
  }
  return createHash('sha1').update(`${key}${KEY_SUFFIX}`).digest('base64');
}

/** Takes the connection over as `takeOver` does; ending the output closes the WebSocket. */
export function takeOverWebSocket(exchange: Exchange, accept: string): RawStream {
  const connection = takeConnection(exchange);
  connection.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const output = createOutput(connection);
  return { input: createInput(connection), output, ready: untilRead(exchange.request.socket) };
}

function createOutput(connection: Duplex): Writable {
  const output = new Writable({
    write: (data: Buffer, _encoding, done) => send(connection, OPCODE.binary, data, done),
    final: (done) => {
      send(connection, OPCODE.close, NORMAL_CLOSURE, () => done());
      connection.end();
    },
  });
  connection.once('close', () => output.destroy());
  return output;
}

function createInput(connection: Duplex): PassThrough {
  const input = new PassThrough();
  const decoder = new ClientFrameDecoder();
  connection.on('data', (chunk: Buffer) => {
    try {
      for (const { opcode, data } of decoder.feed(chunk)) take(connection, input, opcode, data);
    } catch {
      send(connection, OPCODE.close, PROTOCOL_ERROR);
      connection.end();
    }
    if (input.writableNeedDrain) connection.pause();
  });
  input.on('drain', () => connection.resume());
  connection.once('end', () => input.end());
  return input;
}

function take(connection: Duplex, input: PassThrough, opcode: number, data: Buffer): void {
  if (opcode === OPCODE.ping) send(connection, OPCODE.pong, data);
  else if (opcode === OPCODE.close) input.end();
  else if (opcode < OPCODE.close && data.length > 0 && !input.writableEnded) input.write(data);
}

function send(connection: Duplex, opcode: number, data: Buffer, done?: (error?: Error | null) => void): void {
  if (!connection.writable) {
    done?.();
    return;
  }
  connection.cork();
  connection.write(encodeServerFrameHeader(opcode, data.length));
  connection.write(data, done);
  connection.uncork();
}
