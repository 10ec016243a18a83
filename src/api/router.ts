/**
 * Finds the route of a method and path in a tree of path segments, so that a request costs a few map look-ups, however
 * many routes there are.
 *
 * A pattern is a path whose segments are literal, `:name` (one segment) or `:name*` (one or more, as image names
 * have slashes; at most one literal segment may follow). Literals win over parameters.
 */
export interface RouteMatch<Target> {
  readonly target: Target;
  readonly params: Readonly<Record<string, string>>;
}

interface Node<Target> {
  readonly literals: Map<string, Node<Target>>;
  /** Routes by method; `*` is any. */
  readonly targets: Map<string, Target>;
  parameter?: { readonly name: string; readonly node: Node<Target> };
  /** What follows one or more segments: by the last one, or nothing. */
  greedy?: { readonly name: string; readonly node: Node<Target> };
}

const NO_PARAMETERS: Readonly<Record<string, string>> = {};

export class Router<Target> {
  readonly #root: Node<Target> = newNode();

  /** `method` is upper case, or `*` for any; the pattern starts with a slash. */
  add(method: string, pattern: string, target: Target): void {
    const node = segmentsOf(pattern).reduce((parent, segment) => childOf(parent, segment), this.#root);
    if (node.targets.has(method)) throw new Error(`Cannot add route ${method} ${pattern}: it exists`);
    node.targets.set(method, target);
  }

  /** `path` without query and version, as it stands in the request. */
  match(method: string, path: string): RouteMatch<Target> | undefined {
    return find(this.#root, segmentsOf(path), method, NO_PARAMETERS);
  }
}

function find<Target>(
  node: Node<Target>,
  segments: readonly string[],
  method: string,
  params: Readonly<Record<string, string>>,
): RouteMatch<Target> | undefined {
  const [segment] = segments;
  if (segment === undefined) return targetOf(node, method, params);
  const rest = segments.slice(1);
  const literal = node.literals.get(segment);
  const found = literal && find(literal, rest, method, params);
  if (found) return found;
  if (node.parameter && segment !== '') {
    const { name, node: next } = node.parameter;
    const inner = find(next, rest, method, { ...params, [name]: decodeSegment(segment) });
    if (inner) return inner;
  }
  return node.greedy && findGreedy(node.greedy, segments, method, params);
}

function findGreedy<Target>(
  greedy: NonNullable<Node<Target>['greedy']>,
  rest: readonly string[],
  method: string,
  params: Readonly<Record<string, string>>,
): RouteMatch<Target> | undefined {
  const nameOf = (segments: readonly string[]) => ({
    ...params,
    [greedy.name]: segments.map(decodeSegment).join('/'),
  });
  const suffix = rest.length > 1 ? greedy.node.literals.get(rest.at(-1) ?? '') : undefined;
  const found = suffix && targetOf(suffix, method, nameOf(rest.slice(0, -1)));
  return found ?? targetOf(greedy.node, method, nameOf(rest));
}

function targetOf<Target>(
  node: Node<Target>,
  method: string,
  params: Readonly<Record<string, string>>,
): RouteMatch<Target> | undefined {
  const target = node.targets.get(method) ?? node.targets.get('*');
  return target === undefined ? undefined : { target, params };
}

function childOf<Target>(parent: Node<Target>, segment: string): Node<Target> {
  if (segment.startsWith(':') && segment.endsWith('*')) {
    parent.greedy ??= { name: segment.slice(1, -1), node: newNode() };
    return parent.greedy.node;
  }
  if (segment.startsWith(':')) {
    parent.parameter ??= { name: segment.slice(1), node: newNode() };
    return parent.parameter.node;
  }
  const child = parent.literals.get(segment) ?? newNode<Target>();
  parent.literals.set(segment, child);
  return child;
}

function newNode<Target>(): Node<Target> {
  return { literals: new Map(), targets: new Map() };
}

function segmentsOf(path: string): readonly string[] {
  return path.slice(1).split('/');
}

/** A segment that is no valid escape stands for itself. */
function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
