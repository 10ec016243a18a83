/** What progress displays show of an instruction: BuildKit's words. */
import { isEngineError } from '#base/errors.ts';
import { isDigest } from '#oci/digest.ts';
import { canonicalReference, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { ContextNames } from './context-names.ts';
import type { ParsedFile, StageInstruction } from '#dockerfile/ast.ts';
import { expand, type ExpandOptions, type Variables } from '#dockerfile/words/expand.ts';
import { runScript } from '#dockerfile/run-script.ts';
import type { ResolvedStage } from '#dockerfile/stages/stages.ts';

/** `FROM docker.io/library/busybox:latest`; a named context as it is called; nothing for what is not an image. */
export function baseTitle(
  { base }: ResolvedStage,
  names: Pick<ContextNames, 'has'>,
): { readonly title?: string } {
  if (base.kind !== 'external') return {};
  return { title: `FROM ${names.has(base.name) ? base.name : fullName(base.name)}` };
}

/** With registry and tag; as it is where it is an id, or no reference. */
export function fullName(name: string): string {
  if (isDigest(name)) return name;
  try {
    return canonicalReference(withDefaultTag(parseReference(name)));
  } catch (error) {
    if (isEngineError(error, 'invalid')) return name;
    throw error;
  }
}

/**
 * The line with the values of its variables; of a script that is a heredoc, its beginning. Only what the shell reads
 * keeps its quotes.
 */
export function stepTitle(
  instruction: StageInstruction,
  { variables, escape }: { readonly variables: Variables } & Pick<ParsedFile, 'escape'>,
): string {
  const script = instruction.kind === 'run' ? runScript(instruction.command, []).summary : undefined;
  const line = instruction.original + (script === undefined ? '' : ` (${script})`);
  const [keyword = ''] = line.split(/\s/, 1);
  const isCommand = instruction.kind === 'run';
  const options = { escape, rawQuotes: isCommand, keepUnset: isCommand };
  return keyword.toUpperCase() + valuesIn(line.slice(keyword.length), variables, options);
}

function valuesIn(text: string, variables: Variables, options: ExpandOptions): string {
  try {
    return expand(text, variables, options).text;
  } catch (error) {
    if (isEngineError(error, 'invalid')) return text;
    throw error;
  }
}
