/**
 * What each option of Docker's API comes to in this engine. An option works, which something of a running container or
 * of the engine shows; or it is refused; or the client is warned that it has no effect.
 */
export type OptionRow = Shown | Told | Proved | Refused | Warned;

export type OptionRows = Readonly<Record<string, OptionRow>>;

/** A request's body, or a part of one. */
export type Body = Readonly<Record<string, unknown>>;

/** Options that get on with each other share a container. */
export type Group =
  | 'main'
  | 'alone'
  | 'host'
  | 'joined'
  | 'twice'
  | 'terminal'
  | 'sealed'
  | 'volumes'
  | 'signalled'
  | 'killed'
  | 'networked'
  | 'removed';

/** A command in the container prints it. */
export interface Shown {
  readonly kind: 'shown';
  readonly group: Group;
  readonly body: Body;
  readonly command: string;
  readonly expected: RegExp;
}

/** Clients are told it by inspect: it is theirs, and the engine only keeps it. */
export interface Told {
  readonly kind: 'told';
  readonly group: Group;
  readonly body: Body;
  /** `HostConfig.Annotations` */
  readonly field: string;
  readonly expected: unknown;
}

export interface Proved {
  readonly kind: 'proved';
  readonly group: Group;
  readonly body: Body;
  readonly proof: (container: OptionContainer) => Promise<void>;
}

export interface Refused {
  readonly kind: 'refused';
  readonly body: Body;
  readonly message: RegExp;
  readonly status: number;
}

export interface Warned {
  readonly kind: 'warned';
  readonly body: Body;
  readonly warning: RegExp;
}

/** The running container of a group. */
export interface OptionContainer {
  readonly id: string;
  /** The socket of its engine. */
  readonly socket: string;
  /** A directory of the host that it knows. */
  readonly directory: string;
  /** Of its first process. */
  readonly pid: number;
}

export const shown = (group: Group, body: Body, command: string, expected: RegExp): Shown => ({
  kind: 'shown',
  group,
  body,
  command,
  expected,
});

export function told(group: Group, body: Body, field: string, expected: unknown): Told {
  return { kind: 'told', group, body, field, expected };
}

export const proved = (group: Group, body: Body, proof: Proved['proof']): Proved => ({
  kind: 'proved',
  group,
  body,
  proof,
});

export const refused = (body: Body, message: RegExp, status = 400): Refused => ({
  kind: 'refused',
  body,
  message,
  status,
});

export const warned = (body: Body, warning: RegExp): Warned => ({ kind: 'warned', body, warning });

/** Objects are merged, lists joined; else the later value counts. */
export function mergeBodies(one: Body, other: Body): Body {
  const merged: Record<string, unknown> = { ...one };
  for (const [name, value] of Object.entries(other)) {
    const before = merged[name];
    if (Array.isArray(before) && Array.isArray(value)) merged[name] = [...before, ...value];
    else if (isObject(before) && isObject(value)) merged[name] = mergeBodies(before, value);
    else merged[name] = value;
  }
  return merged;
}

function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
