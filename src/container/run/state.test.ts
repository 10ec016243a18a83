import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TransferredError } from '#base/error-transfer.ts';
import { isEngineError } from '#base/errors.ts';
import { NEVER } from '#base/clock.ts';
import {
  type ContainerEvent,
  type ContainerState,
  type ExitedState,
  type RunRecord,
  initialState,
  transition,
} from './state.ts';

const run: RunRecord = {
  process: { pid: 10, startTime: '1' },
  monitor: { pid: 9, startTime: '1' },
  startedAt: '2026-01-01T00:00:00Z',
  previouslyFinishedAt: NEVER,
  outOfMemory: false,
  bootId: 'b',
};
const exited: ExitedState = {
  status: 'exited',
  exitCode: 3,
  outOfMemory: false,
  startedAt: run.startedAt,
  finishedAt: '2026-01-01T00:00:01Z',
};
const failure: TransferredError = { code: 'invalid', message: 'no such file', details: {} };
const states: Readonly<Record<string, ContainerState>> = {
  created: initialState,
  running: { status: 'running', run },
  paused: { status: 'paused', run },
  exited,
  restarting: { status: 'restarting', before: exited },
  removing: { status: 'removing', before: exited },
  dead: { status: 'dead', before: exited },
};
const events: readonly ContainerEvent[] = [
  { type: 'started', run },
  { type: 'start-failed', exitCode: 127, failure },
  { type: 'lost', problem: failure },
  { type: 'paused' },
  { type: 'unpaused' },
  { type: 'out-of-memory' },
  { type: 'exited', exitCode: 3, finishedAt: '2026-01-01T00:00:01Z', restarts: false },
  { type: 'exited', exitCode: 3, finishedAt: '2026-01-01T00:00:01Z', restarts: true },
  { type: 'removal-started' },
  { type: 'removal-failed' },
];

/** Rows: the state; columns: the events above. A dash is a conflict. */
const table = `
created    running  created  dead     -        -        -        -        -          removing -
running    -        -        -        paused   -        running  exited   restarting -        -
paused     -        -        -        -        running  paused   exited   restarting -        -
exited     running  exited   dead     -        -        -        -        -          removing -
restarting running  exited   dead     -        -        -        -        -          removing -
removing   -        -        -        -        -        -        -        -          -        dead
dead       -        -        -        -        -        -        -        -          removing -
`;

test('the table of transitions', () => {
  const rows = table.trim().split('\n');
  assert.equal(rows.length, Object.keys(states).length);
  for (const row of rows) {
    const [from = '', ...targets] = row.split(/\s+/);
    assert.equal(targets.length, events.length, row);
    for (const [index, target] of targets.entries()) {
      const state = states[from]!;
      const event = events[index]!;
      const name = `${from} + ${event.type}`;
      if (target === '-') {
        assert.throws(
          () => transition(state, event),
          (error) => isEngineError(error, 'conflict'),
          name,
        );
      } else {
        assert.equal(transition(state, event).status, target, name);
      }
    }
  }
});

test('a failed start leaves its code and its reason, and a later one clears them', () => {
  const failed = transition(initialState, { type: 'start-failed', exitCode: 127, failure });
  assert.deepEqual(failed, { status: 'created', exitCode: 127, failure });
  const again = transition(transition(failed, { type: 'started', run }), {
    type: 'exited',
    exitCode: 0,
    finishedAt: exited.finishedAt,
    restarts: false,
  });
  assert.deepEqual(again, { ...exited, exitCode: 0 });
});

test('being out of memory is remembered after the exit', () => {
  const suffering = transition({ status: 'running', run }, { type: 'out-of-memory' });
  const state = transition(suffering, {
    type: 'exited',
    exitCode: 137,
    finishedAt: exited.finishedAt,
    restarts: false,
  });
  assert.ok(state.status === 'exited' && state.outOfMemory);
});

test('between its stop and its start a restarting container has the exit that it was stopped with', () => {
  const stopped = transition(
    { status: 'running', run },
    { type: 'exited', exitCode: 3, finishedAt: exited.finishedAt, restarts: true },
  );
  assert.deepEqual(stopped, { status: 'restarting', before: exited });
});
