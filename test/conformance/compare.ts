import type { Comparable } from './normalize.ts';

/** One thing in which an answer differs from Docker's. */
export interface Difference {
  /** `scenario (version): METHOD path` */
  readonly request: string;
  /** `status`, `contentType`, `body.State.Status`, … */
  readonly field: string;
  /** As JSON; undefined where there is no such field. */
  readonly docker: string | undefined;
  readonly ours: string | undefined;
}

export function compare(request: string, docker: Comparable, ours: Comparable): readonly Difference[] {
  // Of two answers of which only one is a success, nothing else can be the same.
  if (docker.status < 300 !== ours.status < 300) {
    return [{ request, field: 'status', docker: shown(docker), ours: shown(ours) }];
  }
  return [...differences('', docker, ours)].map((each) => ({ ...each, request }));
}

function* differences(field: string, docker: unknown, ours: unknown): Generator<Omit<Difference, 'request'>> {
  if (isObject(docker) && isObject(ours)) {
    for (const name of new Set([...Object.keys(docker), ...Object.keys(ours)])) {
      yield* differences(field === '' ? name : `${field}.${name}`, docker[name], ours[name]);
    }
  } else if (Array.isArray(docker) && Array.isArray(ours) && docker.length === ours.length) {
    for (const [index, each] of docker.entries()) yield* differences(`${field}[${index}]`, each, ours[index]);
  } else if (JSON.stringify(docker) !== JSON.stringify(ours)) {
    yield { field, docker: shown(docker), ours: shown(ours) };
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
