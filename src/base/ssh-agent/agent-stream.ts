/** An agent within this process: the protocol of ssh-agent (draft-ietf-sshm-ssh-agent). */
import { Duplex } from 'node:stream';
import { EngineError } from '../errors.ts';
import type { PrivateKey } from './private-key.ts';
import { field, FieldReader, uint32 } from './ssh-fields.ts';

const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
/** OpenSSH's own limit. */
const MAXIMUM_BYTES = 256 << 10;
const LENGTH_BYTES = 4;

/**
 * One connection to an agent that has these keys. It lists them and signs with them; whatever would change it fails,
 * as in BuildKit: a build may use keys, and nothing else.
 */
export function agentStream(keys: readonly PrivateKey[]): Duplex {
  let pending: Buffer = Buffer.alloc(0);
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => {
      pending = Buffer.concat([pending, chunk]);
      try {
        for (let request = take(); request; request = take())
          stream.push(field(answer(keys, new FieldReader(request))));
        done();
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
    final: (done) => {
      stream.push(null);
      done();
    },
  });
  const take = (): Buffer | undefined => {
    if (pending.length < LENGTH_BYTES) return undefined;
    const end = LENGTH_BYTES + pending.readUInt32BE();
    if (end > MAXIMUM_BYTES)
      throw new EngineError('invalid', 'Cannot read request to agent: it is too large');
    if (pending.length < end) return undefined;
    const request = pending.subarray(LENGTH_BYTES, end);
    pending = pending.subarray(end);
    return request;
  };
  return stream;
}

function answer(keys: readonly PrivateKey[], request: FieldReader): Buffer {
  const [type] = request.bytes(1);
  if (type === REQUEST_IDENTITIES) {
    const identities = keys.flatMap(({ publicKey, comment }) => [field(publicKey), field(comment)]);
    return Buffer.concat([Buffer.of(IDENTITIES_ANSWER), uint32(keys.length), ...identities]);
  }
  if (type !== SIGN_REQUEST) return Buffer.of(FAILURE);
  const publicKey = request.field();
  const data = request.field();
  const key = keys.find((key) => key.publicKey.equals(publicKey));
  if (!key) return Buffer.of(FAILURE);
  return Buffer.concat([Buffer.of(SIGN_RESPONSE), field(key.sign(data, request.uint32()))]);
}
