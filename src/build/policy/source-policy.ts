/**
 * Source policies: what a client lets a build take from outside, and from where instead.
 *
 * Vocabulary. A *source* is known by its *identifier*, a URL whose scheme says what it is (`docker-image://`,
 * `git://`, `https://`, `local://`, `oci-layout://`), and by *attributes* (`http.checksum`, `git.fullurl`), both with
 * BuildKit's names. A *rule* selects sources and allows, denies or converts them. A *policy* is a list of rules; all
 * policies of a build hold.
 *
 * The last rule of a policy that allows or denies a source decides; a source that no rule selects is allowed. A source
 * that a rule has converted is judged anew, by all policies from the beginning. Every source is judged before it is
 * looked for, also in the cache.
 *
 * ```ts
 * const policies = new SourcePolicies([[{ action: 'deny', selector: { identifier: 'http://*', match: 'wildcard', constraints: [] } }]]);
 * policies.permit({ identifier: 'http://example.com/x', attributes: new Map() });   // throws `source-denied`
 * ```
 */
export type SourcePolicy = readonly SourceRule[];

export type SourceRule =
  | { readonly action: 'allow' | 'deny'; readonly selector: SourceSelector }
  | { readonly action: 'convert'; readonly selector: SourceSelector; readonly updates: SourceUpdates };

export interface SourceSelector {
  readonly identifier: string;
  /** `wildcard`: `*` stands for any characters; `regex`: in Go's syntax, for any part of the identifier. */
  readonly match: 'exact' | 'wildcard' | 'regex';
  /** All have to hold. */
  readonly constraints: readonly AttributeConstraint[];
}

/** An attribute that is not there counts as empty. */
export interface AttributeConstraint {
  readonly key: string;
  readonly value: string;
  readonly condition: 'equal' | 'not-equal' | 'matches';
}

interface SourceUpdates {
  /** May name what the selector's wildcards and groups took: `${1}`. Empty: it stays. */
  readonly identifier: string;
  readonly attributes: ReadonlyMap<string, string>;
}

export interface Source {
  readonly identifier: string;
  readonly attributes: ReadonlyMap<string, string>;
}
