/** What a client serves over `/session`: its files, credentials, secrets and keys. */
import { Stat } from './common.ts';
import {
  bytes,
  int32,
  int64,
  message,
  type InputOf,
  type MessageOf,
  sub,
  text,
  texts,
  uint32,
} from './message.ts';

/** fsutil.types.Packet: the protocol is in the comment of fsutil's `receive.go`. */
export const Packet = message({ type: int32(1), stat: sub(2, Stat), ID: uint32(3), data: bytes(4) });
export type Packet = MessageOf<typeof Packet>;
export type PacketInput = InputOf<typeof Packet>;

export const PACKET_STAT = 0;
export const PACKET_REQUEST = 1;
export const PACKET_DATA = 2;
export const PACKET_END = 3;
export const PACKET_ERROR = 4;

export const CredentialsRequest = message({ Host: text(1) });
export const CredentialsResponse = message({ Username: text(1), Secret: text(2) });

export const FetchTokenRequest = message({
  ClientID: text(1),
  Host: text(2),
  Realm: text(3),
  Service: text(4),
  Scopes: texts(5),
});
/** Seconds. */
export const FetchTokenResponse = message({ Token: text(1), ExpiresIn: int64(2) });

export const GetSecretRequest = message({ ID: text(1) });
export const GetSecretResponse = message({ data: bytes(1) });

export const CheckAgentRequest = message({ ID: text(1) });

/** containerd.services.content.v1.Content: stores of blobs that a client has, for caches. */
export const ReadContentRequest = message({ digest: text(1), offset: int64(2), size: int64(3) });
export const ReadContentResponse = message({ offset: int64(1), data: bytes(2) });

export const WRITE_STAT = 0;
export const WRITE_DATA = 1;
export const WRITE_COMMIT = 2;

export const WriteContentRequest = message({
  action: int32(1),
  ref: text(2),
  total: int64(3),
  expected: text(4),
  offset: int64(5),
  data: bytes(6),
});
export const WriteContentResponse = message({ action: int32(1), offset: int64(4) });
