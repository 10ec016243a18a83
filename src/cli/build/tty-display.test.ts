import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WireBuildEvent } from '#wire/build-session.ts';
import { createStyle } from '../style.ts';
import { fit, printable } from './terminal-text.ts';
import { pictureOf } from './tty-display.ts';
import { VertexBoard } from './vertex-board.ts';

const style = createStyle(false, {});
const NOTHING = Buffer.alloc(0);

function board(...events: readonly (readonly [WireBuildEvent, string?])[]): VertexBoard {
  const board = new VertexBoard();
  for (const [event, data] of events) board.apply(event, data === undefined ? NOTHING : Buffer.from(data));
  return board;
}

function vertex(
  digest: string,
  startedAtMs?: number,
  completedAtMs?: number,
  cached = false,
): WireBuildEvent {
  const times = {
    ...(startedAtMs !== undefined && { startedAtMs }),
    ...(completedAtMs !== undefined && { completedAtMs }),
  };
  return { type: 'vertex', vertex: { digest, inputs: [], name: `[${digest}] RUN work`, cached, ...times } };
}

const output = (digest: string): WireBuildEvent => ({
  type: 'vertex-output',
  vertex: digest,
  atMs: 1500,
  stream: 'stdout',
});

function picture(board: VertexBoard, columns: number, rows: number, isLast = false): readonly string[] {
  const times = { nowMs: 2000, startedAtMs: 0 };
  return pictureOf(board, { columns, rows, style, ...times, isLast, isFailed: false });
}

test('what runs, what is done, and the end of the output', () => {
  const shown = board(
    [vertex('one', 0, 500)],
    [vertex('two', 500, 600, true)],
    [vertex('three', 1000)],
    [vertex('four')],
    [output('three'), 'first\nsecond \u001b[31mred\u001b[0m\nhalf\rway'],
  );
  assert.deepEqual(picture(shown, 40, 24), [
    '[+] Building 2.0s (2/4)',
    ' => [one] RUN work                  0.5s',
    ' => CACHED [two] RUN work           0.1s',
    ' => [three] RUN work                1.0s',
    ' => => # first',
    ' => => # second red',
    ' => => # way',
  ]);
});

test('a picture fits its terminal, however small; the last one has everything', () => {
  const events = Array.from({ length: 50 }, (_, index) => [vertex(`v${index}`, index, index + 1)] as const);
  const shown = board(...events, [vertex('running', 1000)], [output('running'), 'a\nb\nc\nd\ne\n']);
  for (const [columns, rows] of [
    [80, 10],
    [20, 5],
    [10, 3],
    [3, 1],
  ] as const) {
    const lines = picture(shown, columns, rows);
    assert.ok(lines.length <= Math.max(2, rows - 1), `${lines.length} lines on ${rows} rows`);
    for (const line of lines)
      assert.ok(line.length <= columns, `${JSON.stringify(line)} on ${columns} columns`);
  }
  assert.ok(picture(shown, 80, 10).some((line) => line.includes('[running]')));
  assert.ok(picture(shown, 80, 10, true).length > 50);
});

test('text from anywhere is one line', () => {
  assert.equal(printable('\u001b]0;title\u0007a\tb\u0008\n'), 'a    b');
  assert.equal(printable('10%\r50%\r100%\r'), '100%');
  assert.equal(fit('abcdef', 4), 'abc…');
  assert.equal(fit('abc', 3), 'abc');
});
