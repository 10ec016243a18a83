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
  const compiled = compile(expression);
  return (text) => compiled.test(text);
}

/**
 * The same for an expression whose matches are replaced (Go's `ReplaceAllString`): in `template`, `$1`, `${1}` and
 * `${name}` stand for what the groups took, `$$` for a dollar sign. Groups that there are not are empty.
 *
 * @throws {EngineError} `invalid`
 */
export function compileReplacement(expression: string): (text: string, template: string) => string {
  const compiled = compile(expression);
  const names = compiled.namedGroups();
  return (text, template) => {
    const matcher = compiled.matcher(text);
    const count = compiled.groupCount();
    const numberOf = (name: string) => (/^\d+$/.test(name) ? Number(name) : (names[name] ?? count + 1));
    let result = '';
    let end = 0;
    while (matcher.find()) {
      const groups = Array.from({ length: count + 1 }, (_, number) => matcher.group(number) ?? '');
      const expanded = expandTemplate(template, (name) => groups[numberOf(name)] ?? '');
      result += text.slice(end, matcher.start()) + expanded;
      end = matcher.end();
    }
    return result + text.slice(end);
  };
}

/** A dollar sign that begins no name stays, as in Go's `Expand`. */
function expandTemplate(template: string, groupOf: (name: string) => string): string {
  return template.replaceAll(/\$(?:(\$)|\{(\w+)\}|(\w+))/g, (_, dollar, braced, bare) =>
    dollar === undefined ? groupOf(String(braced ?? bare)) : '$',
  );
}

function compile(expression: string): Re2.RE2JS {
  re2 ??= load();
  try {
    return re2.RE2JS.compile(expression);
  } catch (cause) {
    throw new EngineError('invalid', messageOf(cause), { cause });
  }
}

function load(): typeof Re2 {
  return require('re2js');
}
