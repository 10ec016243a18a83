import { EngineError } from '#base/errors.ts';
import type { LogDriver } from './log.ts';

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
        throw new EngineError('not-implemented', 'configured logging driver does not support reading');
      },
      async remove() {},
    };
  },
};
