import { evaluate } from './evaluator.ts';
import type { TemplateFunction } from './functions.ts';
import { parseTemplate } from './parser.ts';
import type { Value } from './value.ts';

/** A template that is read once and run for many rows. */
export interface Template {
  execute(data: Value, overrides?: Readonly<Record<string, TemplateFunction>>): string;
}

/**
 * Reads a template of Go's text/template: what users of `--format` write.
 *
 * @throws {TemplateError} if it cannot be read
 */
export function compileTemplate(source: string): Template {
  const nodes = parseTemplate(source);
  return { execute: (data, overrides) => evaluate(nodes, data, overrides) };
}
