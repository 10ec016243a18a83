import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NEVER, nowNs } from '#base/clock.ts';
import { humanDuration } from './human-duration.ts';
import { statusText } from './status-text.ts';

const second = 1000;
const hour = 3600 * second;
const day = 24 * hour;

test('durations in the words of go-units', () => {
  const cases: readonly (readonly [number, string])[] = [
    [450, 'Less than a second'],
    [1.9 * second, '1 second'],
    [47 * second, '47 seconds'],
    [60 * second, 'About a minute'],
    [119 * second, 'About a minute'],
    [120 * second, '2 minutes'],
    [3599 * second, '59 minutes'],
    [hour, 'About an hour'],
    [89 * 60 * second, 'About an hour'],
    [90 * 60 * second, '2 hours'],
    [47 * hour, '47 hours'],
    [2 * day, '2 days'],
    [13 * day, '13 days'],
    [14 * day, '2 weeks'],
    [59 * day, '8 weeks'],
    [60 * day, '2 months'],
    [729 * day, '24 months'],
    [730 * day, '2 years'],
  ];
  for (const [duration, text] of cases) assert.equal(humanDuration(duration), text);
});

test('the status of every state', () => {
  const run = {
    process: { pid: 1, startTime: '1' },
    monitor: { pid: 1, startTime: '1' },
    startedAt: '2026-01-01T00:00:00.5Z',
    previouslyFinishedAt: NEVER,
    outOfMemory: false,
    bootId: '',
  };
  const exited = {
    exitCode: 137,
    error: '',
    outOfMemory: false,
    startedAt: NEVER,
    finishedAt: run.startedAt,
  };
  const now = '2026-01-01T00:03:01.123456789Z';
  assert.equal(statusText({ status: 'created', exitCode: 0, error: '' }, now), 'Created');
  assert.equal(statusText({ status: 'running', run }, now), 'Up 3 minutes');
  assert.equal(statusText({ status: 'paused', run }, now), 'Up 3 minutes (Paused)');
  assert.equal(statusText({ status: 'exited', ...exited }, now), 'Exited (137) 3 minutes ago');
  const before = { status: 'exited', ...exited } as const;
  assert.equal(statusText({ status: 'removing', before }, now), 'Removal In Progress');
  assert.equal(statusText({ status: 'dead', before }, now), 'Dead');
});

test('times increase', () => {
  assert.ok(nowNs() < nowNs());
});
