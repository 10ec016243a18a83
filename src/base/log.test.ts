import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from './log.ts';

test('lines below the level are left out', () => {
  const lines: string[] = [];
  const logger = createLogger('warn', (line) => lines.push(line));
  logger.debug('one');
  logger.info('two');
  logger.warn('three', { count: 3, error: new Error('why') });
  logger.error('four');
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /^time="[^"]+" level=warn msg="three" count=3 error="why"\n$/);
  const all: string[] = [];
  createLogger('debug', (line) => all.push(line)).debug('one');
  assert.match(all.join(''), /level=debug msg="one"/);
});

test('a line may be an object of JSON', () => {
  const lines: string[] = [];
  createLogger('info', (line) => lines.push(line), 'json').info('said', {
    count: 3,
    error: new Error('why'),
  });
  const { time, ...record } = JSON.parse(lines.join(''));
  assert.match(time, /^\d{4}-/);
  assert.deepEqual(record, { level: 'info', msg: 'said', count: 3, error: 'why' });
});
