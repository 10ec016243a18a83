import { isIPv6 } from 'node:net';
import { EngineError, messageOf } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import type { PortRequest } from './port-spec.ts';
import { ANY_IPV6, formatHostPort, type Publication } from './publication.ts';

/** Holds a port of the host. @throws {SystemError} as bind(2) fails */
export type HoldPort = (publication: Publication) => Disposable;

/** Publications that are held; disposing gives the ports back. */
export interface HeldPorts extends Disposable {
  readonly publications: readonly Publication[];
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Which ports of the host lead to containers of this engine, and which to take for a request that leaves a choice.
 * Whether a port is free is a question that only the host can answer, by letting us hold it.
 *
 * Failures have the code `internal`, as dockerd answers them with status 500, and its texts.
 */
export class PortAllocator {
  readonly #ephemeral: PortRange;
  readonly #taken = new Set<string>();
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
  allocate(request: PortRequest, addresses: readonly string[], hold: HoldPort): HeldPorts {
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
   * does not let us hold it any more; `problem` then says why.
   */
  restore(publication: Publication, hold: HoldPort): HeldPorts & { readonly problem?: string } {
    let problem: string;
    try {
      const held = this.#tryPort(publication, [publication.hostAddress], publication.hostPort, hold);
      if (typeof held !== 'string') return held;
      problem = held;
    } catch (error) {
      problem = messageOf(error);
    }
    const key = keyOf(publication);
    this.#taken.add(key);
    const release = () => void this.#taken.delete(key);
    return { publications: [publication], problem, [Symbol.dispose]: release };
  }

  /** Starting after the last one that was given out, so that a port rests before it is used again. */
  *#ephemeralPorts(): Generator<number> {
    const { first, last } = this.#ephemeral;
    const next = this.#next > last ? first : this.#next;
    yield* portsOf({ first: next, last });
    yield* portsOf({ first, last: next - 1 });
  }

  /** The text says why the port cannot be had. */
  #tryPort(
    { port, protocol }: Pick<PortRequest, 'port' | 'protocol'>,
    addresses: readonly string[],
    hostPort: number,
    hold: HoldPort,
  ): HeldPorts | string {
    using undo = new DisposableStack();
    const publications: Publication[] = [];
    for (const hostAddress of addresses) {
      const publication = { port, protocol, hostAddress, hostPort };
      const key = keyOf(publication);
      if (this.#taken.has(key)) {
        return `Bind for ${formatHostPort(hostAddress, hostPort)} failed: port is already allocated`;
      }
      const attempt = holdOn(undo, publication, hold);
      if (attempt.outcome === 'no-such-family') continue;
      if (attempt.outcome === 'busy') return attempt.reason;
      this.#taken.add(key);
      undo.defer(() => this.#taken.delete(key));
      publications.push(publication);
    }
    const held = undo.move();
    return { publications, [Symbol.dispose]: () => held.dispose() };
  }
}

function keyOf({ protocol, hostAddress, hostPort }: Publication): string {
  return `${protocol} ${hostAddress} ${hostPort}`;
}

function* portsOf({ first, last }: PortRange): Generator<number> {
  for (let port = first; port <= last; port++) yield port;
}

/** As Go's net package words them. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
};

type Attempt =
  | { readonly outcome: 'held' }
  /** A host without IPv6 simply has no IPv6 side of a port that is published everywhere. */
  | { readonly outcome: 'no-such-family' }
  | { readonly outcome: 'busy'; readonly reason: string };

/** Only a port in use is worth trying another one for; other failures are thrown. */
function holdOn(stack: DisposableStack, publication: Publication, hold: HoldPort): Attempt {
  try {
    stack.use(hold(publication));
    return { outcome: 'held' };
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
