/** Source policies as clients of BuildKit send them. */
import { EngineError } from '#base/errors.ts';
import type {
  AttributeConstraint,
  SourcePolicy,
  SourceRule,
  SourceSelector,
} from '#build/policy/source-policy.ts';
import type { SolveRequest } from '#wire/buildkit/control.ts';
import type { PolicyMessage } from '#wire/buildkit/source-policy.ts';

const VERSION = 1;
const MATCHES: readonly SourceSelector['match'][] = ['wildcard', 'exact', 'regex'];
const CONDITIONS: readonly AttributeConstraint['condition'][] = ['equal', 'not-equal', 'matches'];
const ACTIONS: readonly SourceRule['action'][] = ['allow', 'deny', 'convert'];

/**
 * The policies of a request, which all hold. What of them cannot be honoured fails the build: to ignore it would let in
 * what the client wants kept out.
 *
 * @param more policies of the call itself, where the client leads the build
 * @throws {EngineError} `invalid`, and `not-implemented` for a policy that the client's session decides
 */
export function sourcePoliciesOf(
  { SourcePolicy: policy, SourcePolicySession: session }: SolveRequest,
  more: readonly PolicyMessage[] = [],
): readonly SourcePolicy[] {
  if (session !== '')
    throw new EngineError(
      'not-implemented',
      "Cannot honour source policy: asking the client's session about each source: not supported",
    );
  return [...(policy ? [policy] : []), ...more].map(decodePolicy);
}

type RuleMessage = PolicyMessage['rules'][number];

function decodePolicy({ version, rules }: PolicyMessage): SourcePolicy {
  if (version > VERSION)
    throw new EngineError(
      'not-implemented',
      `Cannot honour source policy: version ${version}: not supported`,
    );
  return rules.map(decodeRule);
}

function decodeRule({ action, selector, updates }: RuleMessage): SourceRule {
  if (!selector) throw new EngineError('invalid', 'invalid nil selector in policy');
  const kind = named('action', ACTIONS, action);
  const decoded = decodeSelector(selector);
  if (kind !== 'convert') return { action: kind, selector: decoded };
  if (!updates) throw new EngineError('invalid', 'missing destination for convert rule');
  const { identifier, attrs } = updates;
  return { action: kind, selector: decoded, updates: { identifier, attributes: attrs } };
}

function decodeSelector({
  identifier,
  match_type: match,
  constraints,
}: NonNullable<RuleMessage['selector']>): SourceSelector {
  return {
    identifier,
    match: named('match type', MATCHES, match),
    constraints: constraints.map(({ key, value, condition }) => ({
      key,
      value,
      condition: named('attr condition', CONDITIONS, condition),
    })),
  };
}

function named<T>(what: string, names: readonly T[], number: number): T {
  const name = names[number];
  if (name === undefined) throw new EngineError('invalid', `source policy: unknown ${what}: ${number}`);
  return name;
}
