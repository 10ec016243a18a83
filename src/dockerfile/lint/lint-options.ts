/** `# check=skip=Rule,Other;error=true;experimental=all`: which rules count, and whether a warning fails the build. */
import { parseGoBoolean } from '#base/booleans.ts';
import type { Directive } from '../ast.ts';
import { invalid } from '../dockerfile-error.ts';
import type { LintRule } from './lint-rules.ts';

export interface LintOptions {
  readonly skip: ReadonlySet<string> | 'all';
  readonly experimental: ReadonlySet<string> | 'all';
  readonly warningsAreErrors: boolean;
}

const DEFAULTS: LintOptions = { skip: new Set(), experimental: new Set(), warningsAreErrors: false };

/** @throws {EngineError} `invalid` for an unknown option */
export function parseLintOptions(text: string): LintOptions {
  const trimmed = text.trim();
  if (trimmed === '') return DEFAULTS;
  return trimmed.split(';').reduce(applyOption, DEFAULTS);
}

export function lintOptionsOf(directives: readonly Directive[]): LintOptions {
  const value = directives.find(({ name }) => name === 'check')?.value ?? '';
  return parseLintOptions(value.split(' ')[0] ?? '');
}

function applyOption(options: LintOptions, part: string): LintOptions {
  const separator = part.indexOf('=');
  if (separator < 0) throw invalid(`invalid check option ${JSON.stringify(part)}`);
  const key = part.slice(0, separator).trim();
  const value = part.slice(separator + 1).trim();
  if (key === 'skip') return { ...options, skip: ruleNames(value) };
  if (key === 'experimental') return { ...options, experimental: ruleNames(value) };
  if (key !== 'error') throw invalid(`invalid check option ${JSON.stringify(key)}`);
  const warningsAreErrors = parseGoBoolean(value);
  if (warningsAreErrors === undefined) throw invalid(`failed to parse check option ${JSON.stringify(part)}`);
  return { ...options, warningsAreErrors };
}

function ruleNames(value: string): ReadonlySet<string> | 'all' {
  return value === 'all' ? 'all' : new Set(value.split(',').map((name) => name.trim()));
}

/** A comment `# check=skip=Rule` above an instruction adds to the file's options. */
export function withComments(options: LintOptions, comments: readonly string[]): LintOptions {
  const comment = comments
    .map((text) => /^check\s*=\s*(\S+)/i.exec(text)?.[1])
    .find((text) => text !== undefined);
  if (comment === undefined) return options;
  const own = tryParse(comment);
  return {
    ...options,
    skip: union(options.skip, own.skip),
    experimental: union(options.experimental, own.experimental),
  };
}

/** A comment is no directive: what cannot be read is just a comment. */
function tryParse(text: string): LintOptions {
  try {
    return parseLintOptions(text);
  } catch {
    return DEFAULTS;
  }
}

function union(left: LintOptions['skip'], right: LintOptions['skip']): LintOptions['skip'] {
  return left === 'all' || right === 'all' ? 'all' : new Set([...left, ...right]);
}

export function isRuleActive(options: LintOptions, rule: LintRule): boolean {
  const named = (rules: LintOptions['skip']): boolean => rules === 'all' || rules.has(rule.name);
  return rule.experimental === true ? named(options.experimental) : !named(options.skip);
}
