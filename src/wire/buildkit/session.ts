/** What a client serves over `/session`: its files, credentials, secrets and keys. */
import { Stat } from './common.ts';
import { bytes, int32, message, type InputOf, type MessageOf, sub, text, uint32 } from './message.ts';

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

export const GetSecretRequest = message({ ID: text(1) });
export const GetSecretResponse = message({ data: bytes(1) });

export const CheckAgentRequest = message({ ID: text(1) });
