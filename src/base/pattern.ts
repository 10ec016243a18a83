import { createRequire } from 'node:module';
import type * as Re2 from 're2js';
import { EngineError, messageOf } from './errors.ts';

const require = createRequire(import.meta.url);
let re2: typeof Re2 | undefined;

/**
 * Compiles a regular expression that a user has written, in Go's syntax, into a test for whether any part of a text
 * fits. The time of a test grows with the lengths of expression and text, whatever they are: such expressions never
 * become a `RegExp`, which may take for ever on a few characters. The library is loaded at the first use.
 *
 * @throws {EngineError} `invalid` with Go's text (`error parsing regexp: …`)
 */
export function compilePattern(expression: string): (text: string) => boolean {
  re2 ??= load();
  try {
    const compiled = re2.RE2JS.compile(expression);
    return (text) => compiled.test(text);
  } catch (cause) {
    throw new EngineError('invalid', messageOf(cause), { cause });
  }
}

function load(): typeof Re2 {
  return require('re2js');
}
