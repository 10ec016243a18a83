/** A network as a Docker client asks for it, and back. */
import { EngineError } from '#base/errors.ts';
import { type IpFamily, isIpAddress, type IpAddress } from '#base/ip-address.ts';
import {
  containsAddress,
  firstAddress,
  type IpPrefix,
  parseInterfaceAddress,
  parsePrefix,
  prefixFamily,
  subnetOf as containingSubnet,
} from '#base/ip-prefix.ts';
import { parseGoBoolean } from '#base/booleans.ts';
import type { BridgeSettings, NetworkSpec, PoolSpec } from '#network/network.ts';
import type { IpamPool, NetworkCreateBody } from '#wire/decode-network.ts';

/** @throws {EngineError} `invalid` for what contradicts itself, `not-implemented` for what this engine does not do */
export function networkOfBody(body: NetworkCreateBody): NetworkSpec {
  checkKind(body);
  const pools = withFamilies(body, (body.IPAM?.Config ?? []).map(poolOf));
  const askedOptions = body.Options ?? {};
  return {
    name: body.Name,
    driver: { kind: 'bridge', ...bridgeSettings(askedOptions) },
    pools,
    isInternal: body.Internal,
    isAttachable: body.Attachable,
    labels: body.Labels ?? {},
    askedOptions,
  };
}

/** Networks of which there is one alone, made by the engine. */
const ALONE: Readonly<Record<string, string>> = { host: 'host', null: 'null' };

/** Docker's own drivers that this engine does not have. */
const COMING: ReadonlySet<string> = new Set(['macvlan', 'ipvlan', 'overlay']);

function checkKind({ Driver, Scope, IPAM, Ingress, ConfigOnly, ConfigFrom }: NetworkCreateBody) {
  const alone = ALONE[Driver];
  if (alone !== undefined) {
    throw new EngineError('forbidden', `only one instance of "${alone}" network is allowed`);
  }
  if (Driver !== '' && Driver !== 'bridge') {
    if (COMING.has(Driver)) throw notHere(`networks of driver ${Driver}`);
    throw new EngineError('not-found', `plugin ${JSON.stringify(Driver)} not found`);
  }
  const ipam = IPAM?.Driver ?? '';
  if (ipam !== '' && ipam !== 'default') {
    throw new EngineError('not-found', `plugin ${JSON.stringify(ipam)} not found`);
  }
  if (Ingress || Scope === 'swarm') throw notHere('networks of a swarm');
  if (Scope !== '' && Scope !== 'local') throw notHere(`networks of scope ${Scope}`);
  if (ConfigOnly || ConfigFrom?.Network) throw notHere('networks that are configuration alone');
}

/** What of a request has no effect; empty where there is nothing to say. */
export function networkWarning({ IPAM }: NetworkCreateBody): string {
  const options = Object.keys(IPAM?.Options ?? {});
  return options.length > 0 ? `IPAM options have no effect: ${options.join(', ')}` : '';
}

function notHere(what: string): EngineError {
  return new EngineError('not-implemented', `Cannot create network: this engine does not have ${what} yet`);
}

/** Pools of the families that are wanted: those that are asked for, and else some of the engine's choice. */
function withFamilies(
  { EnableIPv4 = true, EnableIPv6 = false }: NetworkCreateBody,
  asked: readonly PoolSpec[],
): readonly PoolSpec[] {
  if (!EnableIPv4 && !EnableIPv6) throw new EngineError('invalid', 'IPv4 or IPv6 must be enabled');
  const chosen = (family: IpFamily) => {
    const own = asked.filter((pool) => familyOfPool(pool) === family);
    return own.length > 0 ? own : [{ family }];
  };
  return [...(EnableIPv4 ? chosen('ipv4') : []), ...(EnableIPv6 ? chosen('ipv6') : [])];
}

/** One that says nothing is of IPv4. */
function familyOfPool({ subnet }: PoolSpec): IpFamily {
  return subnet === undefined ? 'ipv4' : prefixFamily(subnet);
}

/** What is wrong with a pool is told in Docker's words. */
function poolOf({ Subnet = '', IPRange = '', Gateway = '', AuxiliaryAddresses }: IpamPool): PoolSpec {
  const subnet = Subnet === '' ? undefined : subnetOf(Subnet);
  if (!subnet) {
    if (IPRange !== '' || Gateway !== '' || AuxiliaryAddresses) {
      throw invalidConfig('invalid subnet : invalid CIDR block notation');
    }
    return {};
  }
  const gateway = Gateway === '' ? undefined : addressIn(subnet, Gateway, 'gateway');
  const reserved = Object.entries(AuxiliaryAddresses ?? {}).map(
    ([name, address]) => [name, addressIn(subnet, address, 'auxiliary address')] as const,
  );
  return {
    subnet,
    ...(IPRange !== '' && { range: rangeIn(subnet, IPRange) }),
    ...(gateway !== undefined && { gateway }),
    ...(reserved.length > 0 && { reserved: Object.fromEntries(reserved) }),
  };
}

function subnetOf(text: string): IpPrefix {
  try {
    return parsePrefix(text);
  } catch (cause) {
    const wanted = canonical(text);
    const problem = wanted === undefined ? 'invalid CIDR block notation' : `it should be ${wanted}`;
    throw invalidConfig(`invalid subnet ${text}: ${problem}`, cause);
  }
}

/** The subnet of an address within it; undefined for what is no address with a prefix. */
function canonical(text: string): IpPrefix | undefined {
  try {
    return containingSubnet(parseInterfaceAddress(text));
  } catch {
    return undefined;
  }
}

function rangeIn(subnet: IpPrefix, text: string): IpPrefix {
  try {
    const range = parsePrefix(text);
    if (containsAddress(subnet, firstAddress(range))) return range;
  } catch (cause) {
    throw invalidConfig(`invalid ip-range ${text}: invalid CIDR block notation`, cause);
  }
  throw invalidConfig(`invalid ip-range ${text}: parent subnet ${subnet} doesn't contain ip-range`);
}

function addressIn(subnet: IpPrefix, text: string, what: string): IpAddress {
  if (!isIpAddress(text)) throw invalidConfig(`invalid ${what} ${text}: invalid address`);
  if (containsAddress(subnet, text)) return text;
  throw invalidConfig(`invalid ${what} ${text}: parent subnet ${subnet} doesn't contain ${what}`);
}

function invalidConfig(problem: string, cause?: unknown): EngineError {
  return new EngineError('invalid', `invalid network config:\n${problem}`, { cause });
}

/** Docker's names for the settings of a bridge. Other options are kept and shown, and mean nothing, as in Docker. */
const OPTIONS = {
  linkName: 'com.docker.network.bridge.name',
  icc: 'com.docker.network.bridge.enable_icc',
  masquerades: 'com.docker.network.bridge.enable_ip_masquerade',
  bindAddress: 'com.docker.network.bridge.host_binding_ipv4',
  mtu: 'com.docker.network.driver.mtu',
  interfacePrefix: 'com.docker.network.container_iface_prefix',
} as const;

/** Those that change what a network does and that this engine does not have, by the value that changes nothing. */
const REFUSED: Readonly<Record<string, string>> = {
  'com.docker.network.bridge.gateway_mode_ipv4': 'nat',
  'com.docker.network.bridge.gateway_mode_ipv6': 'nat',
  'com.docker.network.bridge.inhibit_ipv4': 'false',
  'com.docker.network.bridge.trusted_host_interfaces': '',
  'com.docker.network.host_ipv4': '',
  'com.docker.network.host_ipv6': '',
};

/** Longest name of a link (`IFNAMSIZ`, netdevice(7)), without the final zero. */
const MAXIMUM_LINK_NAME = 15;

function bridgeSettings(options: Readonly<Record<string, string>>): BridgeSettings {
  for (const [option, harmless] of Object.entries(REFUSED)) {
    if ((options[option] ?? harmless) !== harmless) throw notHere(`option ${option}=${options[option]}`);
  }
  const linkName = options[OPTIONS.linkName];
  if (linkName !== undefined && !isLinkName(linkName)) {
    throw new EngineError('invalid', `invalid bridge name ${JSON.stringify(linkName)}: not a name of a link`);
  }
  const bindAddress = options[OPTIONS.bindAddress];
  if (bindAddress !== undefined && !isIpAddress(bindAddress)) {
    throw new EngineError('invalid', `failed to parse ${OPTIONS.bindAddress} value: ${bindAddress} (nil ip)`);
  }
  const interfacePrefix = options[OPTIONS.interfacePrefix];
  return {
    ...(linkName && { linkName }),
    ...flagOption(options, 'icc'),
    ...flagOption(options, 'masquerades'),
    ...(bindAddress && { bindAddress }),
    ...mtuOption(options[OPTIONS.mtu]),
    ...(interfacePrefix && { interfacePrefix }),
  };
}

function isLinkName(name: string): boolean {
  return name.length <= MAXIMUM_LINK_NAME && /^[^\s/:]+$/.test(name) && name !== '.' && name !== '..';
}

function flagOption(options: Readonly<Record<string, string>>, key: 'icc' | 'masquerades') {
  const text = options[OPTIONS[key]];
  if (text === undefined) return {};
  const value = parseGoBoolean(text);
  if (value !== undefined) return { [key]: value };
  throw new EngineError(
    'invalid',
    `failed to parse ${OPTIONS[key]} value: ${text} (strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax)`,
  );
}

/** A link of IPv4 carries at least 68 bytes (RFC 791). */
function mtuOption(text: string | undefined) {
  if (text === undefined) return {};
  const mtu = Number(text);
  if (/^\d+$/.test(text) && (mtu === 0 || (mtu >= 68 && mtu <= 65_535))) return mtu === 0 ? {} : { mtu };
  throw new EngineError(
    'invalid',
    `failed to parse ${OPTIONS.mtu} value: ${text} (strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax)`,
  );
}
