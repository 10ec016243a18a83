import { closeSync, openSync, unlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { unlessErrno } from '#base/errno.ts';
import { O_CLOEXEC, O_PATH, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from './constants.ts';
import { closeFd, ownFd } from './descriptors.ts';
import { isErrno } from './errno.ts';
import { check, koffi, libc } from './libc.ts';
import { untilReadable } from './poll.ts';

/** <sys/socket.h> and <bits/socket.h> */
const AF_UNIX = 1;
const SCM_RIGHTS = 1;
const SOL_SOCKET = 1;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;
const BACKLOG = 4;
/** sizeof(struct sockaddr_un): the family and 108 bytes of path, its zero included. */
const SOCKADDR_UN_SIZE = 110;

/**
 * The socket over which an OCI runtime hands the master of a container's terminal to its caller (`--console-socket`).
 * Its path may be of any length, although sockets' paths may not. Disposing closes it and removes the path.
 */
export class ConsoleSocket implements AsyncDisposable {
  readonly path: string;
  readonly #fd: number;
  #closed = false;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** @throws {SystemError} `conflict` if the path exists */
  static async listen(path: string): Promise<ConsoleSocket> {
    const flags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = check('socket', path, libc.socket(AF_UNIX, flags, 0));
    using undo = new DisposableStack();
    undo.defer(() => closeFd(fd));
    bindTo(fd, path);
    check('listen', path, libc.listen(fd, BACKLOG));
    undo.move();
    return new ConsoleSocket(path, fd);
  }

  /**
   * Waits for the runtime and takes the descriptor from it: close-on-exec, and the caller's to close. One call at a
   * time.
   *
   * @throws the signal's reason; the socket can go on to be used
   */
  async receive(signal?: AbortSignal): Promise<number> {
    for (;;) {
      await untilReadable(this.#fd, signal);
      const connection = this.#accept();
      if (connection === undefined) continue;
      using owned = ownFd(connection);
      const fd = await receiveDescriptor(owned.fd, signal);
      if (fd !== undefined) return fd;
    }
  }

  #accept(): number | undefined {
    try {
      const result = libc.accept4(this.#fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
      return check('accept4', this.path, result);
    } catch (error) {
      if (isErrno(error, 'EAGAIN', 'ECONNABORTED', 'EINTR')) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    closeFd(this.#fd);
    unlessErrno(() => unlinkSync(this.path), 'ENOENT');
  }
}

/** The directory is named by a descriptor, so that the length of its path does not matter. */
function bindTo(fd: number, path: string): void {
  const directory = openSync(dirname(path), O_PATH | O_CLOEXEC);
  try {
    const address = Buffer.alloc(SOCKADDR_UN_SIZE);
    address.writeUInt16LE(AF_UNIX, 0);
    address.write(`/proc/self/fd/${directory}/${basename(path)}`, 2, SOCKADDR_UN_SIZE - 3);
    check('bind', path, libc.bind(fd, address, address.length));
  } finally {
    closeSync(directory);
  }
}

/** Undefined if the peer left without sending a descriptor. */
async function receiveDescriptor(connection: number, signal?: AbortSignal): Promise<number | undefined> {
  const message = new DescriptorMessage();
  for (;;) {
    await untilReadable(connection, signal);
    try {
      const length = message.receive(connection);
      const fd = message.descriptor();
      if (fd !== undefined || length === 0) return fd;
    } catch (error) {
      if (!isErrno(error, 'EAGAIN', 'EINTR')) throw error;
    }
  }
}

/** Memory for recvmsg(2) with one descriptor: struct msghdr, iovec and cmsghdr of 64-bit Linux. */
class DescriptorMessage {
  readonly #data = Buffer.allocUnsafeSlow(4096);
  readonly #control = Buffer.alloc(24);
  readonly #vector = Buffer.alloc(16);
  readonly #header = Buffer.alloc(56);

  receive(socket: number): number {
    this.#control.fill(0);
    this.#vector.writeBigUInt64LE(koffi().address(this.#data), 0);
    this.#vector.writeBigUInt64LE(BigInt(this.#data.length), 8);
    this.#header.writeBigUInt64LE(koffi().address(this.#vector), 16);
    this.#header.writeBigUInt64LE(1n, 24);
    this.#header.writeBigUInt64LE(koffi().address(this.#control), 32);
    this.#header.writeBigUInt64LE(BigInt(this.#control.length), 40);
    const flags = MSG_CMSG_CLOEXEC | MSG_DONTWAIT;
    return check('recvmsg', 'the console socket', libc.recvmsg(socket, this.#header, flags));
  }

  /** struct cmsghdr: length (64 bits), level, type, then the descriptor. */
  descriptor(): number | undefined {
    const length = Number(this.#control.readBigUInt64LE(0));
    const isRights =
      this.#control.readInt32LE(8) === SOL_SOCKET && this.#control.readInt32LE(12) === SCM_RIGHTS;
    return isRights && length >= 20 ? this.#control.readInt32LE(16) : undefined;
  }
}
