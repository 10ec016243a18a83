import type { Exchange } from './exchange.ts';

export type Handler = (exchange: Exchange) => Promise<void> | void;

/** One endpoint. Handlers answer, or throw an `EngineError` that the server answers. */
export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | '*';
  /** See `router.ts`. */
  readonly pattern: string;
  readonly handle: Handler;
  /** True if a request with an Upgrade header gets the whole connection. */
  readonly hijacks: boolean;
}

/** How `wire/parameters.ts` knows a route. */
export function endpointOf({ method, pattern }: Route): string {
  return `${method} ${pattern}`;
}

export function get(pattern: string, handle: Handler): Route {
  return { method: 'GET', pattern, handle, hijacks: false };
}

export function head(pattern: string, handle: Handler): Route {
  return { method: 'HEAD', pattern, handle, hijacks: false };
}

export function post(pattern: string, handle: Handler): Route {
  return { method: 'POST', pattern, handle, hijacks: false };
}

export function put(pattern: string, handle: Handler): Route {
  return { method: 'PUT', pattern, handle, hijacks: false };
}

/** `DELETE`, whose name is a keyword. */
export function remove(pattern: string, handle: Handler): Route {
  return { method: 'DELETE', pattern, handle, hijacks: false };
}

export function any(pattern: string, handle: Handler): Route {
  return { method: '*', pattern, handle, hijacks: false };
}

/** A route that takes the connection over when asked to. */
export function hijacking(route: Route): Route {
  return { ...route, hijacks: true };
}
