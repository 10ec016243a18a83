import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { EngineEvent } from './engine.ts';
import { nowNs } from '#base/clock.ts';
import { until } from '#base/testing.ts';
import { EventBus } from './event-bus.ts';
import { matchesEvent } from './event-filter.ts';

const start = {
  type: 'container',
  action: 'start',
  id: 'abc123',
  attributes: { name: 'web', image: 'nginx:1', tier: 'front' },
} as const;

async function take(events: AsyncIterable<EngineEvent>): Promise<string[]> {
  const actions: string[] = [];
  for await (const event of events) actions.push(event.action);
  return actions;
}

test('a subscriber sees what happens after it subscribed, until its signal fires', async () => {
  const bus = new EventBus();
  bus.emit({ ...start, action: 'create' });
  const stop = new AbortController();
  const events = take(bus.subscribe({ filters: new Map(), signal: stop.signal }));
  bus.emit(start);
  bus.emit({ ...start, action: 'die' });
  stop.abort();
  assert.deepEqual(await events, ['start', 'die']);
  assert.equal(bus.listenerCount, 0);
});

test('since replays what is remembered and a past until ends the stream', async () => {
  const bus = new EventBus();
  bus.emit(start);
  const now = BigInt(Date.now() + 5) * 1_000_000n;
  await until(() => BigInt(Date.now()) * 1_000_000n > now, 'its time has passed');
  const events = bus.subscribe({ sinceNs: now - 10_000_000_000n, untilNs: now, filters: new Map() });
  assert.deepEqual(await take(events), ['start']);
  assert.deepEqual(await take(bus.subscribe({ sinceNs: now, untilNs: now, filters: new Map() })), []);
});

test('an until in the future ends the stream by itself', async () => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.now() });
  try {
    const bus = new EventBus();
    const untilNs = BigInt(Date.now() + 30) * 1_000_000n;
    const events = take(bus.subscribe({ untilNs, filters: new Map() }));
    bus.emit(start);
    mock.timers.tick(31);
    assert.deepEqual(await events, ['start']);
  } finally {
    mock.timers.reset();
  }
});

test('an until of less than a millisecond ends the stream, too', async () => {
  const bus = new EventBus();
  for (let tries = 0; tries < 50; tries++) {
    const untilNs = nowNs() + 500_000n;
    assert.deepEqual(await take(bus.subscribe({ untilNs, filters: new Map() })), []);
  }
});

test('filters combine: any value of one name, every name', async () => {
  const bus = new EventBus();
  const stop = new AbortController();
  const events = bus.subscribe({ filters: new Map(), signal: stop.signal });
  bus.emit(start);
  stop.abort();
  const [event] = await Array.fromAsync(events);
  assert.ok(event);
  const passes = (filters: Record<string, string[]>) => matchesEvent(event, new Map(Object.entries(filters)));
  assert.ok(passes({ event: ['stop', 'start'], type: ['container'] }));
  assert.ok(passes({ container: ['we'] }));
  assert.ok(passes({ container: ['abc'] }));
  assert.ok(passes({ image: ['nginx'] }));
  assert.ok(passes({ label: ['tier=front'] }));
  assert.ok(passes({ label: ['tier'] }));
  assert.ok(!passes({ label: ['tier', 'other'] }));
  assert.ok(!passes({ event: ['start'], type: ['image'] }));
  assert.ok(!passes({ network: ['web'] }));
});
