import type { LogDriver } from './log.ts';
import { logError } from './log-errors.ts';

/** Keeps nothing. */
export const noneDriver: LogDriver = {
  name: 'none',
  validate() {},
  open() {
    return {
      driver: 'none',
      path: '',
      openWriter: () => ({ append() {}, [Symbol.dispose]() {} }),
      read() {
        throw logError('log-not-readable', { subject: 'none' });
      },
      async remove() {},
    };
  },
};
