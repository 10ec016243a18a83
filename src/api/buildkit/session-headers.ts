import type { IncomingHttpHeaders } from 'node:http';
import { EngineError } from '#base/errors.ts';

/** What a client says of the session that it opens, in headers or in gRPC's metadata. */
export interface SessionHeaders {
  readonly id: string;
  readonly methods: ReadonlySet<string>;
  readonly sharedKey: string;
}

/** @throws {EngineError} `invalid` for a session without an id */
export function sessionHeadersOf(headers: IncomingHttpHeaders): SessionHeaders {
  const text = (name: string) => String(headers[`x-docker-expose-session-${name}`] ?? '');
  const id = text('uuid');
  if (id === '') throw new EngineError('invalid', 'Cannot open build session: it has no id');
  const methods = text('grpc-method')
    .split(/,\s*/)
    .filter((method) => method !== '');
  return {
    id,
    methods: new Set(methods.map((method) => method.toLowerCase())),
    sharedKey: text('sharedkey'),
  };
}
