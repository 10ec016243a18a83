import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClientFrameDecoder, encodeServerFrameHeader, OPCODE } from './websocket-frames.ts';

const MASK = Buffer.from([1, 2, 3, 4]);

function clientFrame(opcode: number, payload: Buffer): Buffer {
  const header = encodeServerFrameHeader(opcode, payload.length);
  header[1] = (header[1] ?? 0) | 0x80;
  return Buffer.concat([header, MASK, payload.map((byte, index) => byte ^ (MASK[index & 3] ?? 0))]);
}

describe('WebSocket frames', () => {
  it('are taken apart however they were cut', () => {
    const long = Buffer.alloc(70_000, 'x');
    const bytes = Buffer.concat([
      clientFrame(OPCODE.binary, Buffer.from('hello')),
      clientFrame(OPCODE.ping, Buffer.from('p')),
      clientFrame(OPCODE.text, Buffer.alloc(300, 'y')),
      clientFrame(OPCODE.continuation, long),
      clientFrame(OPCODE.close, Buffer.alloc(0)),
    ]);
    for (const size of [1, 2, 3, 7, 1000, bytes.length]) {
      const decoder = new ClientFrameDecoder();
      const seen = new Map<number, Buffer[]>();
      for (let offset = 0; offset < bytes.length; offset += size) {
        for (const { opcode, data } of decoder.feed(bytes.subarray(offset, offset + size))) {
          const pieces = seen.get(opcode) ?? [];
          pieces.push(data);
          seen.set(opcode, pieces);
        }
      }
      const text = (opcode: number) => Buffer.concat(seen.get(opcode) ?? []).toString();
      assert.equal(text(OPCODE.binary), 'hello', `pieces of ${size}`);
      assert.deepEqual(seen.get(OPCODE.ping), [Buffer.from('p')]);
      assert.equal(text(OPCODE.text), 'y'.repeat(300));
      assert.equal(text(OPCODE.continuation), long.toString());
      assert.deepEqual(seen.get(OPCODE.close), [Buffer.alloc(0)]);
    }
  });

  it('must be masked, and control frames short', () => {
    assert.throws(() => [...new ClientFrameDecoder().feed(Buffer.from([0x82, 1, 65]))], RangeError);
    assert.throws(
      () => [...new ClientFrameDecoder().feed(clientFrame(OPCODE.ping, Buffer.alloc(200)))],
      RangeError,
    );
  });
});
