/** Over TCP every DNS message has its length before it, in two bytes (RFC 1035 4.2.2). */
export function frameDns(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}

/** Cuts a stream into messages. At most one message, 64 KB, is ever held back. */
export class DnsFrames {
  #rest: Buffer = Buffer.alloc(0);

  /** The messages that are complete now. */
  push(chunk: Buffer): readonly Buffer[] {
    let data = Buffer.concat([this.#rest, chunk]);
    const messages: Buffer[] = [];
    while (data.length >= 2 && data.length >= 2 + data.readUInt16BE(0)) {
      const end = 2 + data.readUInt16BE(0);
      messages.push(data.subarray(2, end));
      data = data.subarray(end);
    }
    this.#rest = data;
    return messages;
  }
}
