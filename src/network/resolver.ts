import {
  composeResponse,
  type DnsQuery,
  parseQuery,
  RecordType,
  ResponseCode,
  reverseAddress,
} from './dns-message.ts';
import { familyOf } from '#base/ip-address.ts';
import type { NetworkNames } from './link-names.ts';

/** Short, since a container that is started again has another address. */
const TTL_SECONDS = 10;

export type DnsTransport = 'udp' | 'tcp';

/** Asks upstream servers. Returns the whole answer with the query's id, or undefined if none came. */
export type ForwardQuery = (
  message: Buffer,
  servers: readonly string[],
  transport: DnsTransport,
) => Promise<Buffer | undefined>;

/** What a container can resolve. */
export interface ResolverView {
  /** The names on the networks that it is on at that moment. */
  readonly tables: () => readonly NetworkNames[];
  /** Called for each query that goes out: the host's servers may change. */
  readonly servers: () => readonly string[];
}

/**
 * Answers one query as the resolver of a container: names and addresses of containers on its networks from here, all
 * else from the upstream servers, whose answers pass through untouched. A name that is known but has no record of
 * the asked type gets an empty answer, not "no such name", which would make clients give up on the name.
 *
 * Never rejects; undefined means to stay silent, as for a message that is no query.
 */
export async function resolveQuery(
  message: Buffer,
  transport: DnsTransport,
  view: ResolverView,
  forward: ForwardQuery,
): Promise<Buffer | undefined> {
  const query = parseQuery(message);
  const local = query && answerLocally(query, view.tables());
  if (local) return local;
  const answer = await forward(message, view.servers(), transport);
  if (answer || !query) return answer;
  return composeResponse(query, ResponseCode.serverFailure, [], TTL_SECONDS);
}

function answerLocally(query: DnsQuery, tables: readonly NetworkNames[]): Buffer | undefined {
  return query.type === RecordType.ptr ? answerReverse(query, tables) : answerForward(query, tables);
}

function answerForward(query: DnsQuery, tables: readonly NetworkNames[]): Buffer | undefined {
  const addresses = tables.flatMap((table) => table.addressesOf(query.name));
  if (addresses.length === 0) return undefined;
  const answers = addresses
    .map((address) => ({ type: familyOf(address) === 'ipv4' ? 'a' : 'aaaa', address }) as const)
    .filter(({ type }) => query.type === RecordType[type] || query.type === RecordType.any);
  return composeResponse(query, ResponseCode.noError, answers, TTL_SECONDS);
}

function answerReverse(query: DnsQuery, tables: readonly NetworkNames[]): Buffer | undefined {
  const address = reverseAddress(query.name);
  const name = address && tables.map((table) => table.nameOf(address)).find((found) => found !== undefined);
  if (!name) return undefined;
  return composeResponse(query, ResponseCode.noError, [{ type: 'ptr', name }], TTL_SECONDS);
}
