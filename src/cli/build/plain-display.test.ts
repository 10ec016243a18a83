import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WireBuildEvent } from '#wire/build-session.ts';
import { createStyle } from '../style.ts';
import { PlainDisplay } from './plain-display.ts';

function vertex(digest: string, rest: object): WireBuildEvent {
  return { type: 'vertex', vertex: { digest, inputs: [], name: `RUN ${digest}`, cached: false, ...rest } };
}

test('lines as BuildKit writes them, also of steps at the same time', () => {
  let written = '';
  const output = {
    fd: 2,
    isTerminal: false,
    write: (data: string | Uint8Array) => void (written += String(data)),
  };
  using display = new PlainDisplay(output, createStyle(false, {}));
  const say = (digest: string, text: string) =>
    display.show({ type: 'vertex-output', vertex: digest, atMs: 1250, stream: 'stdout' }, Buffer.from(text));
  const nothing = Buffer.alloc(0);
  display.show(vertex('a', {}), nothing);
  display.show(vertex('a', { startedAtMs: 1000 }), nothing);
  display.show(vertex('b', { startedAtMs: 1100 }), nothing);
  say('a', 'one\ntwo');
  display.show(vertex('a', { startedAtMs: 1000, completedAtMs: 1500 }), nothing);
  say('b', 'bad\n');
  display.show(vertex('b', { startedAtMs: 1100, completedAtMs: 1600, error: 'exit code: 1' }), nothing);
  display.show(vertex('c', { startedAtMs: 1600, completedAtMs: 1600, cached: true }), nothing);
  display.finish({ code: 'invalid', message: 'exit code: 1', snippet: 'Dockerfile:2\n' });
  assert.equal(
    written,
    `#1 RUN a
#1 ...

#2 RUN b
#2 ...

#1 RUN a
#1 0.250 one
#1 0.500 two
#1 DONE 0.5s

#2 RUN b
#2 0.150 bad
#2 ERROR: exit code: 1

#3 RUN c
#3 CACHED

------
 > RUN b:
0.150 bad
------
Dockerfile:2
`,
  );
});
