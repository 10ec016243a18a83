import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepLog } from './step-log.ts';

async function textOf(log: StepLog): Promise<string> {
  let text = '';
  for await (const { data } of log.read()) text += data.toString();
  return text;
}

test('every reader gets everything, whenever it comes', async () => {
  const log = new StepLog();
  const early = textOf(log);
  log.write('stdout', Buffer.from('a'));
  await new Promise(setImmediate);
  log.write('stderr', Buffer.from('b'));
  const late = textOf(log);
  log.end();
  assert.deepEqual(await Promise.all([early, late, textOf(log)]), ['ab', 'ab', 'ab']);
});

test('output without a reader does not grow without end: the latest stays', async () => {
  const log = new StepLog();
  for (let index = 0; index < 20; index++) log.write('stdout', Buffer.alloc(2 ** 20, index));
  log.end();
  const marks: number[] = [];
  for await (const { data } of log.read()) marks.push(data[0] ?? -1);
  assert.deepEqual(marks, [12, 13, 14, 15, 16, 17, 18, 19]);
});
