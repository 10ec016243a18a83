import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogDrivers } from '#log/drivers.ts';
import { completeLog } from './complete-log.ts';

const logs = createLogDrivers();
const OURS = { logDriver: 'local', logOptions: {}, isLogDriverChosen: false };

test('without any word it is the engine’s driver, with its options', () => {
  assert.deepEqual(completeLog({ options: {} }, { defaults: OURS, logs }), { driver: 'local', options: {} });
  const defaults = { ...OURS, logOptions: { 'max-size': '1m' } };
  const options = { 'max-size': '1m', 'max-file': '2' };
  assert.deepEqual(completeLog({ options: { 'max-file': '2' } }, { defaults, logs }), {
    driver: 'local',
    options,
  });
});

test('options that only json-file knows choose it, of a container or of the engine', () => {
  const labels = { labels: 'a' };
  const json = { driver: 'json-file', options: labels };
  assert.deepEqual(completeLog({ options: labels }, { defaults: OURS, logs }), json);
  assert.deepEqual(completeLog({ options: {} }, { defaults: { ...OURS, logOptions: labels }, logs }), json);
});

test('options of the engine without a driver are those of Docker’s default driver, too', () => {
  const defaults = { ...OURS, logOptions: { 'max-size': '1m' } };
  const { options } = completeLog({ driver: 'json-file', options: {} }, { defaults, logs });
  assert.deepEqual(options, { 'max-size': '1m' });
  const chosen = { ...defaults, isLogDriverChosen: true };
  assert.deepEqual(completeLog({ driver: 'json-file', options: {} }, { defaults: chosen, logs }).options, {});
});

test('a driver that the operator has chosen is kept, and says what it does not know', () => {
  const defaults = { ...OURS, isLogDriverChosen: true };
  assert.throws(() => completeLog({ options: { labels: 'a' } }, { defaults, logs }), {
    reason: 'unknown-log-option',
  });
  assert.throws(() => completeLog({ driver: 'nope', options: {} }, { defaults, logs }), {
    reason: 'log-driver-unknown',
  });
});
