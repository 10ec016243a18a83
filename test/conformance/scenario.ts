/**
 * Requests that are sent to two engines, whose answers are then compared.
 *
 * A {@link Scenario} is a sequence of requests that stands for itself: it makes what it needs, by names that no other
 * has, and its last requests take it away again. Its tables are in `tables/`:
 *
 * ```ts
 * { name: 'stop', steps: [create('stop-a'), post('/containers/stop-a/start'), post('/containers/stop-a/stop?t=0')] }
 * ```
 */

export interface Step {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS' | 'PATCH';
  /** Without version. `{name}` stands for what an earlier step kept, `{start}` and `{now}` for times in seconds. */
  readonly path: string;
  /** An object is sent as JSON, a text or bytes as they are. */
  readonly body?: object | string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Keeps the `Id` of the answer under this name. */
  readonly keep?: string;
  /** Removes what a request made that should have been refused, so that it is refused or accepted anew each time. */
  readonly discards?: boolean;
  /** Sent until the answer matches: what the engines do by themselves takes its time. */
  readonly until?: RegExp;
}

export interface Scenario {
  readonly name: string;
  /** Versions of the API that it is sent in; by default the newest that both engines speak. */
  readonly versions?: readonly string[];
  readonly steps: readonly Step[];
  /** Takes minutes: not a part of `npm test`. */
  readonly isLong?: boolean;
}

type Body = Step['body'];

export const get = (path: string, more: Partial<Step> = {}): Step => ({ method: 'GET', path, ...more });

export const head = (path: string, more: Partial<Step> = {}): Step => ({ method: 'HEAD', path, ...more });

export function post(path: string, body?: Body, more: Partial<Step> = {}): Step {
  return { method: 'POST', path, ...(body !== undefined && { body }), ...more };
}

export function put(path: string, body?: Body, more: Partial<Step> = {}): Step {
  return { method: 'PUT', path, ...(body !== undefined && { body }), ...more };
}

export const remove = (path: string, more: Partial<Step> = {}): Step => ({ method: 'DELETE', path, ...more });

/** A container that sleeps without a network, unless the body says otherwise. */
export function create(name: string, body: object = {}, host: object = {}): Step {
  const HostConfig = { NetworkMode: 'none', ...host };
  return post(`/containers/create?name=${name}`, {
    Image: 'bb',
    Cmd: ['sleep', '1000'],
    ...body,
    HostConfig,
  });
}

export const discard = (...names: readonly string[]): readonly Step[] =>
  names.map((name) => remove(`/containers/${name}?force=1&v=1`));
