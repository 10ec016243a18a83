import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFrameHead, FrameDecoder } from './frames.ts';

function stream(): Buffer {
  const data = Buffer.alloc(70_000, 'x');
  return Buffer.concat([
    encodeFrameHead({ type: 'one' }),
    encodeFrameHead({ type: 'zwei', text: 'ä' }, data.length),
    data,
    encodeFrameHead({ type: 'last' }, 1),
    Buffer.from('y'),
  ]);
}

test('frames come out as they went in, however the stream is cut', () => {
  const bytes = stream();
  for (const size of [1, 7, 8, 9, 1000, bytes.length]) {
    const decoder = new FrameDecoder();
    const frames = [];
    for (let at = 0; at < bytes.length; at += size)
      frames.push(...decoder.push(bytes.subarray(at, at + size)));
    assert.deepEqual(
      frames.map(({ head, data }) => [head, data.length]),
      [
        [{ type: 'one' }, 0],
        [{ type: 'zwei', text: 'ä' }, 70_000],
        [{ type: 'last' }, 1],
      ],
    );
    assert.ok(decoder.isComplete);
  }
});

test('what is no frame is refused before it is kept', () => {
  const huge = Buffer.alloc(8);
  huge.writeUInt32BE(0xffffffff, 0);
  assert.throws(() => [...new FrameDecoder().push(huge)], { code: 'invalid' });
  const data = Buffer.alloc(8);
  data.writeUInt32BE(2 << 20, 4);
  assert.throws(() => [...new FrameDecoder().push(data)], { code: 'invalid' });
  const text = Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]), Buffer.from('{')]);
  assert.throws(() => [...new FrameDecoder().push(text)], { code: 'invalid' });
});
