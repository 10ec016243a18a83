/** What clients send to `/networks`. */
import { endpointSettings } from './decode-endpoint.ts';
import {
  boolean,
  decodeStruct,
  map,
  nullable,
  omitEmpty,
  optional,
  parseJson,
  required,
  slice,
  string,
  struct,
} from './go-json.ts';
import type { IpamPool, NetworkConnectBody, NetworkCreateBody, NetworkDisconnectBody } from './network.ts';

const POOL = struct<IpamPool>('IPAMConfig', {
  Subnet: omitEmpty(string),
  IPRange: omitEmpty(string),
  Gateway: omitEmpty(string),
  AuxiliaryAddresses: omitEmpty(map(string)),
});

const IPAM = struct<NonNullable<NetworkCreateBody['IPAM']>>('IPAM', {
  Driver: required(string),
  Options: required(map(string)),
  Config: required(slice(POOL)),
});

const CONFIG_FROM = struct<NonNullable<NetworkCreateBody['ConfigFrom']>>('ConfigReference', {
  Network: required(string),
});

const CREATE = struct<NetworkCreateBody>('CreateRequest', {
  Name: required(string),
  Driver: required(string),
  Scope: required(string),
  EnableIPv4: optional(boolean),
  EnableIPv6: optional(boolean),
  IPAM: required(nullable(IPAM)),
  Internal: required(boolean),
  Attachable: required(boolean),
  Ingress: required(boolean),
  ConfigOnly: required(boolean),
  ConfigFrom: required(nullable(CONFIG_FROM)),
  Options: required(map(string)),
  Labels: required(map(string)),
});

const CONNECT = struct<NetworkConnectBody>('ConnectOptions', {
  Container: required(string),
  EndpointConfig: required(nullable(endpointSettings)),
});

const DISCONNECT = struct<NetworkDisconnectBody>('DisconnectOptions', {
  Container: required(string),
  Force: required(boolean),
});

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
