import type { KoffiFunc } from 'koffi';
import { EngineError } from '#base/errors.ts';
import { SOCK_CLOEXEC, SOCK_RAW, SOL_SOCKET } from './constants.ts';
import { closeFd } from './descriptors.ts';
import type { SystemError } from './errno.ts';
import { check, koffi, LIBC, libc, systemError } from './libc.ts';
import { align, decodeAttributes, decodeText, u32 } from './netlink-attributes.ts';

/** A request before it gets its header. */
export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
  readonly action: string;
  readonly subject: string;
}

/** One message of an answer. */
export interface NetlinkReply {
  readonly type: number;
  readonly body: Buffer;
}

/** <linux/netlink.h> */
const AF_NETLINK = 16;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const NLM_F_REQUEST = 0x01;
const NLM_F_ACK = 0x04;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLM_F_DUMP = 0x300;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLMSGERR_ATTR_MSG = 1;
const HEADER_SIZE = 16;

/** <asm-generic/socket.h> */
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const SO_PROTOCOL = 38;
const SO_DOMAIN = 39;
const RECEIVE_BUFFER_BYTES = 4 << 20;
/** The kernel answers before send() returns; a longer wait is a bug, which must not hang the engine. */
const RECEIVE_TIMEOUT_SECONDS = 10;
/** Messages in one datagram: their acknowledgements fit the default receive buffer even unprivileged. */
const BATCH = 64;
/** The kernel fills dumps up to this. */
const CHUNK_BYTES = 64 << 10;
const DUMP_ATTEMPTS = 10;

/** True if the descriptor is a netlink socket of this protocol. */
export function isNetlinkSocket(fd: number, protocol: number): boolean {
  return socketOption(fd, SO_DOMAIN) === AF_NETLINK && socketOption(fd, SO_PROTOCOL) === protocol;
}

/** Undefined for a descriptor that is not a socket. */
function socketOption(fd: number, option: number): number | undefined {
  const value = Buffer.alloc(4);
  if (libc.getsockopt(fd, SOL_SOCKET, option, value, u32(4)) < 0) return undefined;
  return value.readInt32LE(0);
}

type Send = KoffiFunc<(fd: number, data: Buffer, size: number, flags: number) => number>;
let bound: Send | undefined;

/** send(2) by a thread of the pool; the kernel does the requests within the call. Its errno is lost with the thread. */
function sendOnThread(fd: number, data: Buffer): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  bound ??= koffi().load(LIBC).func('long send(int, const void*, size_t, int)');
  bound.async(fd, data, data.length, 0, (error, sent) => {
    if (error) reject(new EngineError('internal', 'Cannot send to the kernel', { cause: error }));
    else resolve(sent);
  });
  return promise;
}

interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Buffer;
}

/**
 * A netlink socket (netlink(7)) in the network namespace of the calling thread. Requests are synchronous: the kernel
 * has done them when the call returns, in tens of microseconds.
 */
export class NetlinkSocket implements Disposable {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #sequence = 1;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  static open(protocol: number): NetlinkSocket {
    const fd = check('socket', 'netlink', libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    using undo = new DisposableStack();
    undo.defer(() => closeFd(fd));
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
      libc.setsockopt(fd, SOL_NETLINK, option, u32(1), 4);
    }
    libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, u32(RECEIVE_BUFFER_BYTES), 4);
    const timeout = Buffer.alloc(16);
    timeout.writeBigInt64LE(BigInt(RECEIVE_TIMEOUT_SECONDS), 0);
    check('setsockopt', 'netlink', libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length));
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    check('bind', 'netlink', libc.bind(fd, address, address.length));
    undo.move();
    return new NetlinkSocket(fd);
  }

  /**
   * Does the requests in order, also those after one that failed, and returns an error or null for each.
   */
  requestAll(requests: readonly NetlinkRequest[]): (SystemError | null)[] {
    const results: (SystemError | null)[] = [];
    for (let start = 0; start < requests.length; start += BATCH) {
      results.push(...this.#requestBatch(requests.slice(start, start + BATCH)));
    }
    return results;
  }

  /**
   * Does what {@link requestAll} does for requests that take the kernel long: a thread of the pool waits for them. The
   * socket must not be used until the promise has resolved.
   */
  async requestAllOnThread(requests: readonly NetlinkRequest[]): Promise<(SystemError | null)[]> {
    const results: (SystemError | null)[] = [];
    for (let start = 0; start < requests.length; start += BATCH) {
      const batch = requests.slice(start, start + BATCH);
      const first = this.#sequence;
      const datagram = this.#datagram(batch, NLM_F_REQUEST | NLM_F_ACK);
      if ((await sendOnThread(this.#fd, datagram)) < 0) {
        throw new EngineError('internal', 'Cannot send to the kernel: netlink refuses the message');
      }
      results.push(...this.#acknowledgements(batch, first));
    }
    return results;
  }

  #requestBatch(requests: readonly NetlinkRequest[]): (SystemError | null)[] {
    return this.#acknowledgements(requests, this.#send(requests, NLM_F_REQUEST | NLM_F_ACK));
  }

  #acknowledgements(requests: readonly NetlinkRequest[], first: number): (SystemError | null)[] {
    const results: (SystemError | null)[] = [];
    for (const message of this.#messages()) {
      const index = message.sequence - first;
      const request = requests[index];
      if (message.type !== NLMSG_ERROR || !request) continue;
      results[index] = failureOf(message, request);
      // Acknowledgements come in the order of the requests.
      if (index === requests.length - 1) break;
    }
    return results;
  }

  /**
   * Asks for one object.
   *
   * @throws {SystemError} as the kernel says
   */
  get(request: NetlinkRequest): NetlinkReply {
    const sequence = this.#send([request], NLM_F_REQUEST);
    const message = this.#messages().find((candidate) => candidate.sequence === sequence);
    const failure = message?.type === NLMSG_ERROR ? failureOf(message, request) : null;
    if (failure || !message) throw failure;
    return { type: message.type, body: Buffer.from(message.body) };
  }

  /** Asks for all objects; again if the table changed meanwhile. */
  dump(request: NetlinkRequest): readonly NetlinkReply[] {
    for (let attempt = 1; ; attempt++) {
      const { replies, interrupted } = this.#dumpOnce(request);
      if (!interrupted || attempt === DUMP_ATTEMPTS) return replies;
    }
  }

  #dumpOnce(request: NetlinkRequest): { replies: NetlinkReply[]; interrupted: boolean } {
    const sequence = this.#send([request], NLM_F_REQUEST | NLM_F_DUMP);
    const replies: NetlinkReply[] = [];
    let interrupted = false;
    for (const message of this.#messages()) {
      if (message.sequence !== sequence) continue;
      interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0;
      if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
        const failure = failureOf(message, request);
        if (failure) throw failure;
        break;
      }
      replies.push({ type: message.type, body: Buffer.from(message.body) });
    }
    return { replies, interrupted };
  }

  /** Sends the requests in one datagram; returns the sequence number of the first. */
  #send(requests: readonly NetlinkRequest[], flags: number): number {
    const first = this.#sequence;
    const datagram = this.#datagram(requests, flags);
    check('send', 'netlink', libc.send(this.#fd, datagram, datagram.length, 0));
    return first;
  }

  #datagram(requests: readonly NetlinkRequest[], flags: number): Buffer {
    return Buffer.concat(requests.map((request) => this.#encode(request, flags)));
  }

  #encode(request: NetlinkRequest, flags: number): Buffer {
    const length = HEADER_SIZE + request.body.length;
    const message = Buffer.alloc(align(length));
    message.writeUInt32LE(length, 0);
    message.writeUInt16LE(request.type, 4);
    message.writeUInt16LE(request.flags | flags, 6);
    message.writeUInt32LE(this.#sequence++, 8);
    request.body.copy(message, HEADER_SIZE);
    return message;
  }

  /** Whatever comes, without end; a body is valid only until the next message is asked for. */
  *#messages(): Generator<Message, never> {
    for (;;) {
      const received = libc.recv(this.#fd, this.#buffer, this.#buffer.length, 0);
      yield* splitDatagram(this.#buffer.subarray(0, check('recv', 'netlink', received)));
    }
  }

  [Symbol.dispose](): void {
    closeFd(this.#fd);
  }
}

function* splitDatagram(datagram: Buffer): Generator<Message> {
  let offset = 0;
  while (offset + HEADER_SIZE <= datagram.length) {
    const size = datagram.readUInt32LE(offset);
    if (size < HEADER_SIZE) return;
    yield {
      type: datagram.readUInt16LE(offset + 4),
      flags: datagram.readUInt16LE(offset + 6),
      sequence: datagram.readUInt32LE(offset + 8),
      body: datagram.subarray(offset + HEADER_SIZE, offset + size),
    };
    offset += align(size);
  }
}

/** Null for success. The body is the error number, the request's header (with more of it unless capped), attributes. */
function failureOf(message: Message, request: NetlinkRequest): SystemError | null {
  const errno = -message.body.readInt32LE(0);
  if (errno === 0) return null;
  const detail = message.type === NLMSG_ERROR ? extendedText(message) : undefined;
  const { action, subject } = request;
  return systemError(errno, { syscall: 'netlink', action, subject, detail });
}

function extendedText({ flags, body }: Message): string | undefined {
  if (!(flags & NLM_F_ACK_TLVS)) return undefined;
  const echoed = flags & NLM_F_CAPPED ? HEADER_SIZE : align(body.readUInt32LE(4));
  const message = decodeAttributes(body.subarray(4 + echoed)).get(NLMSGERR_ATTR_MSG);
  return message && decodeText(message);
}
