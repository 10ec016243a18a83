import { isIP } from 'node:net';
import { formatIp, type IpAddress, ipBytes, parseIp } from '#base/ip-address.ts';

/** The parts of the DNS wire format (RFC 1035, RFC 6891) that a resolver of local names needs. */

export const RecordType = { a: 1, ptr: 12, aaaa: 28, opt: 41, any: 255 } as const;
export const ResponseCode = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  refused: 5,
} as const;

const CLASS_IN = 1;
const HEADER_SIZE = 12;
/** RFC 1035 4.2.1: what a UDP client without EDNS takes. */
const MINIMUM_UDP_SIZE = 512;

/** A query with one question of class IN, the only kind that clients send. */
export interface DnsQuery {
  readonly id: number;
  /** Lower case, without the dot at the end. */
  readonly name: string;
  readonly type: number;
  readonly recursionDesired: boolean;
  /** The largest answer that the client takes over UDP. */
  readonly udpSize: number;
  /** The question as it came: an answer repeats it with the client's capitals. */
  readonly question: Buffer;
}

export type DnsAnswer =
  | { readonly type: 'a' | 'aaaa'; readonly address: IpAddress }
  | { readonly type: 'ptr'; readonly name: string };

/** Undefined for what is not a plain query; the upstream server gets such a message. */
export function parseQuery(message: Buffer): DnsQuery | undefined {
  if (message.length < HEADER_SIZE) return undefined;
  const flags = message.readUInt16BE(2);
  const plain = (flags & 0xf800) === 0 && message.readUInt16BE(4) === 1 && message.readUInt32BE(6) === 0;
  const name = plain ? readName(message, HEADER_SIZE) : undefined;
  if (!name || name.end + 4 > message.length || message.readUInt16BE(name.end + 2) !== CLASS_IN)
    return undefined;
  return {
    id: message.readUInt16BE(0),
    name: name.text.toLowerCase(),
    type: message.readUInt16BE(name.end),
    recursionDesired: (flags & 0x0100) !== 0,
    udpSize: readUdpSize(message, name.end + 4),
    question: message.subarray(HEADER_SIZE, name.end + 4),
  };
}

/** Names in questions are never compressed: there is nothing before them to point at. */
function readName(message: Buffer, start: number): { text: string; end: number } | undefined {
  const labels: string[] = [];
  let offset = start;
  for (;;) {
    const length = message[offset];
    if (length === undefined || length > 63 || offset + 1 + length > message.length) return undefined;
    if (length === 0) return { text: labels.join('.'), end: offset + 1 };
    labels.push(message.toString('latin1', offset + 1, offset + 1 + length));
    offset += 1 + length;
  }
}

/** An OPT record after the question has the root as its name, and the size in the place of its class. */
function readUdpSize(message: Buffer, offset: number): number {
  if (message.readUInt16BE(10) === 0 || offset + 11 > message.length) return MINIMUM_UDP_SIZE;
  const isOption = message[offset] === 0 && message.readUInt16BE(offset + 1) === RecordType.opt;
  return isOption ? Math.max(MINIMUM_UDP_SIZE, message.readUInt16BE(offset + 3)) : MINIMUM_UDP_SIZE;
}

const FLAGS = { response: 0x8000, truncated: 0x0200, recursionDesired: 0x0100, recursionAvailable: 0x0080 };

/** Composes the answer to a query. `ttlSeconds` is for every record. */
export function composeResponse(
  query: DnsQuery,
  code: number,
  answers: readonly DnsAnswer[],
  ttlSeconds: number,
): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  const desired = query.recursionDesired ? FLAGS.recursionDesired : 0;
  header.writeUInt16BE(query.id, 0);
  header.writeUInt16BE(FLAGS.response | FLAGS.recursionAvailable | desired | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  return Buffer.concat([
    header,
    query.question,
    ...answers.map((answer) => encodeRecord(answer, ttlSeconds)),
  ]);
}

/** What does not fit a UDP client is cut to its question and marked, so that it asks again over TCP. */
export function fitUdp(query: DnsQuery, response: Buffer): Buffer {
  if (response.length <= query.udpSize) return response;
  const cut = Buffer.from(response.subarray(0, HEADER_SIZE + query.question.length));
  cut.writeUInt16BE(cut.readUInt16BE(2) | FLAGS.truncated, 2);
  cut.fill(0, 6, HEADER_SIZE);
  return cut;
}

/** A pointer to the name of the question, which starts right after the header (RFC 1035 4.1.4). */
const QUESTION_POINTER = 0xc000 | HEADER_SIZE;

function encodeRecord(answer: DnsAnswer, ttlSeconds: number): Buffer {
  const data = answer.type === 'ptr' ? encodeName(answer.name) : ipBytes(answer.address);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(QUESTION_POINTER, 0);
  head.writeUInt16BE(RecordType[answer.type], 2);
  head.writeUInt16BE(CLASS_IN, 4);
  head.writeUInt32BE(ttlSeconds, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

export function encodeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(label, 'latin1'));
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), label]),
    Buffer.from([0]),
  ]);
}

/** The response code of any DNS message, or undefined if it is none. */
export function responseCode(message: Buffer): number | undefined {
  return message.length < HEADER_SIZE ? undefined : message.readUInt16BE(2) & 0x000f;
}

/** The address that a name under in-addr.arpa or ip6.arpa asks about (RFC 1035 3.5, RFC 3596 2.5). */
export function reverseAddress(name: string): IpAddress | undefined {
  const ipv4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (ipv4) {
    const dotted = ipv4.slice(1, 5).toReversed().join('.');
    return isIP(dotted) === 0 ? undefined : parseIp(dotted);
  }
  const ipv6 = /^((?:[\da-f]\.){32})ip6\.arpa$/.exec(name);
  if (ipv6?.[1] === undefined) return undefined;
  return formatIp(Buffer.from(ipv6[1].split('.').toReversed().join(''), 'hex'));
}
