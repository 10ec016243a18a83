/** A thread for chunk-ring.test.ts: reads rings to their ends, now slowly, now fast, and says what it has read. */
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { ChunkReader, type ChunkRing } from './chunk-ring.ts';

const sleeping = new Int32Array(new SharedArrayBuffer(4));

parentPort?.on('message', (ring: ChunkRing) => {
  const reader = new ChunkReader(ring);
  const hash = createHash('sha256');
  let read = 0;
  try {
    for (let chunk = reader.next(); chunk; chunk = reader.next()) {
      hash.update(chunk);
      if (++read % 50 === 0) Atomics.wait(sleeping, 0, 0, 2);
    }
    parentPort?.postMessage(hash.digest('hex'), []);
  } catch (error) {
    parentPort?.postMessage(String(error), []);
  }
});
