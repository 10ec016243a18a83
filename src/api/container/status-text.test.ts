import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nowNs } from '#base/clock.ts';
import type { ContainerStatus } from '#container/views.ts';
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
  const base = { exitCode: 137, error: '', outOfMemory: false };
  const at = '2026-01-01T00:00:00.5Z';
  const now = '2026-01-01T00:03:01.123456789Z';
  const text = (status: ContainerStatus) =>
    statusText({ ...base, status, startedAt: at, finishedAt: at }, now);
  assert.equal(statusText({ ...base, status: 'created', exitCode: 0 }, now), 'Created');
  assert.equal(text('running'), 'Up 3 minutes');
  assert.equal(text('paused'), 'Up 3 minutes (Paused)');
  assert.equal(text('restarting'), 'Restarting (137) 3 minutes ago');
  assert.equal(text('exited'), 'Exited (137) 3 minutes ago');
  assert.equal(text('removing'), 'Removal In Progress');
  assert.equal(text('dead'), 'Dead');
});

test('times increase', () => {
  assert.ok(nowNs() < nowNs());
});
