import { messageOf } from '#base/errors.ts';
import type { Context } from '../context.ts';
import { indentJson, parseJson, writeJson } from '../template/json-text.ts';
import { compileTemplate, type Template } from '../template/template.ts';
import { ExitError } from '../usage-error.ts';
import type { Value } from '../template/value.ts';

/** Fetches the JSON text of one object. @throws if it does not exist */
export type FetchObject = (name: string) => Promise<string>;

/**
 * The `inspect` commands: every object that exists as one JSON list, or through the template; what is missing is
 * told on standard error. @returns the exit code
 */
export async function inspectObjects(
  context: Context,
  names: readonly string[],
  format: string,
  fetch: FetchObject,
): Promise<number> {
  const template = format === '' || format === 'json' ? undefined : readable(format);
  const results = await Promise.allSettled(names.map(fetch));
  const found = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.trim()] : []));
  let exitCode = 0;
  if (template) for (const text of found) context.print(template.execute(parseJson(text)));
  else if (format === 'json') context.print(`[${found.map((text) => writeJson(parseJson(text))).join(',')}]`);
  else context.print(found.length === 0 ? '[]' : indentJson(`[${found.join(',')}]`, '    '));
  const { tellError } = await import('../report-failure.ts');
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    exitCode = 1;
    await tellError(context, result.reason);
  }
  return exitCode;
}

/** @throws {ExitError} 64, EX_USAGE of sysexits(3), as Docker's `inspect` has it */
function readable(format: string): Template {
  try {
    return compileTemplate(format);
  } catch (error) {
    throw new ExitError(64, `template parsing error: ${messageOf(error)}`);
  }
}

/** `--format` of a command that shows one object: `json` or a template. */
export function showObject(context: Context, format: string, value: Value): void {
  context.print(format === 'json' ? writeJson(value) : compileTemplate(format).execute(value));
}
