import { EngineError } from '#base/errors.ts';
import { compilePattern, compileReplacement } from '#base/pattern.ts';
import { unreachable } from '#base/unreachable.ts';
import { buildError } from '../build-errors.ts';
import type {
  AttributeConstraint,
  Source,
  SourcePolicy,
  SourceRule,
  SourceSelector,
} from './source-policy.ts';

/** The most conversions of one source; more are taken for a circle. */
const MAXIMUM_CONVERSIONS = 20;

interface CompiledRule {
  readonly rule: SourceRule;
  readonly selects: (source: Source) => boolean;
  readonly replace: (identifier: string, template: string) => string;
}

/** All policies of a build. */
export class SourcePolicies {
  readonly #policies: readonly (readonly CompiledRule[])[];

  /** @throws {EngineError} `invalid` for a pattern that is none */
  constructor(policies: readonly SourcePolicy[] = []) {
    this.#policies = policies.map((rules) => rules.map(compileRule));
  }

  /** Everything is permitted as it is. */
  get areNone(): boolean {
    return this.#policies.length === 0;
  }

  /**
   * The source that is to be taken: `source` itself, unless a rule converts it.
   *
   * @throws {EngineError} `source-denied`; `invalid` for conversions in a circle
   */
  permit(source: Source): Source {
    let judged = source;
    for (let conversions = 0; conversions <= MAXIMUM_CONVERSIONS; conversions++) {
      const converted = this.#convert(judged);
      if (!converted) return judged;
      judged = converted;
    }
    throw new EngineError('invalid', 'too many mutations on a single source: too many operations');
  }

  /** Undefined: no rule changes it. */
  #convert(source: Source): Source | undefined {
    for (const rules of this.#policies) {
      const converted = judge(rules, source);
      if (converted) return converted;
    }
    return undefined;
  }
}

function judge(rules: readonly CompiledRule[], source: Source): Source | undefined {
  let isDenied = false;
  for (const compiled of rules) {
    if (!compiled.selects(source)) continue;
    if (compiled.rule.action === 'convert') {
      const converted = convert(compiled, source);
      if (converted) return converted;
    } else isDenied = compiled.rule.action === 'deny';
  }
  if (isDenied) throw buildError('source-denied', { subject: source.identifier });
  return undefined;
}

function convert({ rule, replace }: CompiledRule, source: Source): Source | undefined {
  if (rule.action !== 'convert') return undefined;
  const { updates, selector } = rule;
  const template = updates.identifier === '' ? selector.identifier : updates.identifier;
  const identifier = replace(source.identifier, template) || source.identifier;
  const changed = [...updates.attributes].filter(([key, value]) => source.attributes.get(key) !== value);
  if (identifier === source.identifier && changed.length === 0) return undefined;
  return { identifier, attributes: new Map([...source.attributes, ...changed]) };
}

function compileRule(rule: SourceRule): CompiledRule {
  const { selector } = rule;
  const constraints = selector.constraints.map(compileConstraint);
  const { matches, replace } = compileSelector(selector);
  return {
    rule,
    selects: (source) =>
      constraints.every((holds) => holds(source.attributes)) &&
      (source.identifier === selector.identifier || matches(source.identifier)),
    replace,
  };
}

interface CompiledSelector {
  readonly matches: (identifier: string) => boolean;
  readonly replace: CompiledRule['replace'];
}

function compileSelector({ identifier, match }: SourceSelector): CompiledSelector {
  switch (match) {
    case 'exact':
      // The identifier as it is in the rule; there is nothing that a template could name.
      return { matches: () => false, replace: (_, template) => template };
    case 'wildcard': {
      const expression = expressionOf(identifier);
      return { matches: compilePattern(expression), replace: compileReplacement(expression) };
    }
    case 'regex':
      return { matches: compilePattern(identifier), replace: compileReplacement(identifier) };
  }
  return unreachable(match);
}

/** `*` as a group of an expression. @throws {EngineError} `invalid` for `**`, which BuildKit has no meaning for */
function expressionOf(wildcard: string): string {
  if (wildcard.includes('**'))
    throw new EngineError(
      'invalid',
      `failed to translate wildcard ${JSON.stringify(wildcard)} to regexp: invalid wildcard: "**"`,
    );
  const literal = wildcard.replaceAll(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`);
  return `^${literal.replaceAll(String.raw`\*`, '(.*)')}$`;
}

function compileConstraint({
  key,
  value,
  condition,
}: AttributeConstraint): (attributes: Source['attributes']) => boolean {
  switch (condition) {
    case 'equal':
      return (attributes) => (attributes.get(key) ?? '') === value;
    case 'not-equal':
      return (attributes) => (attributes.get(key) ?? '') !== value;
    case 'matches': {
      const matches = compilePattern(value);
      return (attributes) => matches(attributes.get(key) ?? '');
    }
  }
  return unreachable(condition);
}
