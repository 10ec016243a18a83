import { isIPv6 } from 'node:net';
import { EngineError, messageOf } from '#base/errors.ts';
import type { PortRange } from '#base/ports.ts';
import { isErrno } from '#linux/errno.ts';
import type { PortRequest } from './port-spec.ts';
import { ANY_IPV6, formatHostPort, type Publication, publicationKey } from './publication.ts';

/** Holds a port of the host. @throws {SystemError} as bind(2) fails */
export type HoldPort = (publication: Publication) => Disposable;

/**
 * Which ports of the host lead to containers of this engine, and which to take for a request that leaves a choice.
 * Whether a port is free is a question that only the host can answer, by letting us hold it.
 *
 * Failures have the code `internal`, as dockerd answers them with status 500, and its texts.
 */
export class PortAllocator {
  readonly #ephemeral: PortRange;
  /** What holds each port, by key; undefined where the host does not allow it. */
  readonly #taken = new Map<string, Disposable | undefined>();
  #next: number;

  /** @param start the first of the ephemeral ports to be given out */
  constructor(ephemeral: PortRange, start = ephemeral.first) {
    this.#ephemeral = ephemeral;
    this.#next = start;
  }

  /**
   * Takes one port, the same for all `addresses`.
   *
   * @throws {EngineError} `internal`
   */
  allocate(request: PortRequest, addresses: readonly string[], hold: HoldPort): readonly Publication[] {
    const { hostPorts } = request;
    for (const port of hostPorts ? portsOf(hostPorts) : this.#ephemeralPorts()) {
      const result = this.#tryPort(request, addresses, port, hold);
      if (typeof result !== 'string') {
        if (!hostPorts) this.#next = port + 1;
        return result;
      }
      if (hostPorts?.first === hostPorts?.last && hostPorts) throw new EngineError('internal', result);
    }
    throw new EngineError('internal', 'all ports are allocated');
  }

  /**
   * Takes exactly what was taken before a restart. The firewall leads there already, so it stays taken where the host
   * does not let us hold it any more.
   *
   * @returns why it cannot be held; undefined if it is
   */
  adopt(publication: Publication, hold: HoldPort): string | undefined {
    const problem = this.#tryAdopt(publication, hold);
    if (problem !== undefined) this.#taken.set(publicationKey(publication), undefined);
    return problem;
  }

  /** Idempotent. */
  release(publication: Publication): void {
    const key = publicationKey(publication);
    this.#taken.get(key)?.[Symbol.dispose]();
    this.#taken.delete(key);
  }

  #tryAdopt(publication: Publication, hold: HoldPort): string | undefined {
    try {
      const result = this.#tryPort(publication, [publication.hostAddress], publication.hostPort, hold);
      return typeof result === 'string' ? result : undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Starting after the last one that was given out, so that a port rests before it is used again. */
  *#ephemeralPorts(): Generator<number> {
    const { first, last } = this.#ephemeral;
    const next = this.#next > last ? first : this.#next;
    yield* portsOf({ first: next, last });
    yield* portsOf({ first, last: next - 1 });
  }

  /** Takes it on all addresses or on none; the text says why it cannot be had. */
  #tryPort(
    { port, protocol }: Pick<PortRequest, 'port' | 'protocol'>,
    addresses: readonly string[],
    hostPort: number,
    hold: HoldPort,
  ): readonly Publication[] | string {
    using undo = new DisposableStack();
    const publications: Publication[] = [];
    for (const hostAddress of addresses) {
      const publication = { port, protocol, hostAddress, hostPort };
      if (this.#taken.has(publicationKey(publication))) {
        return `Bind for ${formatHostPort(hostAddress, hostPort)} failed: port is already allocated`;
      }
      const attempt = tryHold(publication, hold);
      if (attempt.outcome === 'no-such-family') continue;
      if (attempt.outcome === 'busy') return attempt.reason;
      this.#taken.set(publicationKey(publication), attempt.holder);
      undo.defer(() => this.release(publication));
      publications.push(publication);
    }
    undo.move();
    return publications;
  }
}

function* portsOf({ first, last }: PortRange): Generator<number> {
  for (let port = first; port <= last; port++) yield port;
}

/** The reasons in the words of Go's net package. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
};

type Attempt =
  | { readonly outcome: 'held'; readonly holder: Disposable }
  /** A host without IPv6 simply has no IPv6 side of a port that is published everywhere. */
  | { readonly outcome: 'no-such-family' }
  | { readonly outcome: 'busy'; readonly reason: string };

/** Only a port in use is worth trying another one for; other failures are thrown. */
function tryHold(publication: Publication, hold: HoldPort): Attempt {
  try {
    return { outcome: 'held', holder: hold(publication) };
  } catch (error) {
    if (publication.hostAddress === ANY_IPV6 && isErrno(error, 'EAFNOSUPPORT', 'EADDRNOTAVAIL')) {
      return { outcome: 'no-such-family' };
    }
    const reason = describeFailure(publication, error);
    if (reason === undefined) throw error;
    if (isErrno(error, 'EADDRINUSE')) return { outcome: 'busy', reason };
    throw new EngineError('internal', reason, { cause: error });
  }
}

function describeFailure(
  { protocol, hostAddress, hostPort }: Publication,
  error: unknown,
): string | undefined {
  const reason = Object.entries(REASONS).find(([errno]) => isErrno(error, errno))?.[1];
  if (reason === undefined) return undefined;
  const network = `${protocol}${isIPv6(hostAddress) ? '6' : '4'}`;
  const where = formatHostPort(hostAddress, hostPort);
  return `Error starting userland proxy: listen ${network} ${where}: bind: ${reason}`;
}
