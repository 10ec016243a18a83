/** What clients send to `/networks`. */
import { endpointSettings } from './decode-endpoint.ts';
import {
  boolean,
  type Decoded,
  decodeStruct,
  map,
  nullable,
  omitEmpty,
  optional,
  parseJson,
  slice,
  string,
  struct,
} from './go-json.ts';

const POOL = struct('IPAMConfig', {
  Subnet: omitEmpty(string),
  IPRange: omitEmpty(string),
  Gateway: omitEmpty(string),
  AuxiliaryAddresses: omitEmpty(map(string)),
});
export type IpamPool = Decoded<typeof POOL>;

const CREATE = struct('CreateRequest', {
  Name: string,
  Driver: string,
  Scope: string,
  EnableIPv4: optional(boolean),
  EnableIPv6: optional(boolean),
  IPAM: nullable(struct('IPAM', { Driver: string, Options: map(string), Config: slice(POOL) })),
  Internal: boolean,
  Attachable: boolean,
  Ingress: boolean,
  ConfigOnly: boolean,
  ConfigFrom: nullable(struct('ConfigReference', { Network: string })),
  Options: map(string),
  Labels: map(string),
});
/** The body of `POST /networks/create`. */
export type NetworkCreateBody = Decoded<typeof CREATE>;

const CONNECT = struct('ConnectOptions', { Container: string, EndpointConfig: nullable(endpointSettings) });
/** The body of `POST /networks/{id}/connect`. */
export type NetworkConnectBody = Decoded<typeof CONNECT>;

const DISCONNECT = struct('DisconnectOptions', { Container: string, Force: boolean });
/** The body of `POST /networks/{id}/disconnect`. */
export type NetworkDisconnectBody = Decoded<typeof DISCONNECT>;

/** @throws {EngineError} `invalid` */
export function decodeNetworkCreate(body: string): NetworkCreateBody {
  return decodeStruct(parseJson(body), CREATE);
}

/** @throws {EngineError} `invalid` */
export function decodeNetworkConnect(body: string): NetworkConnectBody {
  return decodeStruct(parseJson(body), CONNECT);
}

/** @throws {EngineError} `invalid` */
export function decodeNetworkDisconnect(body: string): NetworkDisconnectBody {
  return decodeStruct(parseJson(body), DISCONNECT);
}
