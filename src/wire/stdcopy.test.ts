import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeFrameHeader, FrameDecoder } from './stdcopy.ts';

const stream = Buffer.concat([
  encodeFrameHeader('stdout', 3),
  Buffer.from('hi\n'),
  encodeFrameHeader('stderr', 0),
  encodeFrameHeader('stderr', 4),
  Buffer.from('err\n'),
]);

describe('stdcopy', () => {
  it('frames as dockerd does', () => {
    assert.equal(stream.subarray(0, 11).toString('hex'), '010000000000000368690a');
  });

  it('is taken apart however it was cut', () => {
    for (let size = 1; size <= stream.length; size++) {
      const decoder = new FrameDecoder();
      const text = { stdout: '', stderr: '', stdin: '', systemerr: '' };
      for (let offset = 0; offset < stream.length; offset += size) {
        for (const piece of decoder.feed(stream.subarray(offset, offset + size))) {
          text[piece.stream] += piece.data.toString();
        }
      }
      assert.deepEqual(
        text,
        { stdout: 'hi\n', stderr: 'err\n', stdin: '', systemerr: '' },
        `pieces of ${size}`,
      );
    }
  });

  it('refuses what is not framed', () => {
    assert.throws(
      () => [...new FrameDecoder().feed(Buffer.from('no frames here'))],
      /Unrecognized input header: 110/,
    );
  });
});
