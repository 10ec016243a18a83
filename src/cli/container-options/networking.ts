import { EMPTY_ENDPOINT, type EndpointSettings } from '#wire/decode-endpoint.ts';
import { UsageError } from '../usage-error.ts';
import type { ContainerFlags } from './container-flags.ts';
import { type NetworkChoice, parseNetwork } from './networks.ts';

/** The first network decides the mode; the others are joined too. */
export function networkModeOf(flags: ContainerFlags): string {
  return flags.network[0]?.target || 'default';
}

export function networkingConfig(flags: ContainerFlags): Readonly<Record<string, EndpointSettings>> {
  const choices = flags.network.length > 0 ? flags.network : [DEFAULT];
  if (flags.network.length === 1 && isPlain(choices[0] ?? DEFAULT, flags)) return {};
  const endpoints: Record<string, EndpointSettings> = {};
  for (const [index, choice] of choices.entries()) {
    const complete = index === 0 ? withPlainFlags(choice, flags) : choice;
    const name = complete.target || 'default';
    if (choices.length > 1 && isSpecial(name)) {
      throw new UsageError(
        `conflicting options: cannot attach both user-defined and non-user-defined network-modes`,
      );
    }
    if (endpoints[name]) throw new UsageError(`network ${JSON.stringify(name)} is specified multiple times`);
    endpoints[name] = endpoint(complete, flags);
  }
  return endpoints;
}

const DEFAULT: NetworkChoice = parseNetwork('default');

/** `--ip`, `--network-alias` and the like speak of the first network. */
function withPlainFlags(choice: NetworkChoice, flags: ContainerFlags): NetworkChoice {
  return {
    ...choice,
    aliases: flags.networkAlias.length > 0 ? flags.networkAlias : choice.aliases,
    ip: flags.ip || choice.ip,
    ip6: flags.ip6 || choice.ip6,
    macAddress: flags.macAddress || choice.macAddress,
    linkLocalIps: flags.linkLocalIp.length > 0 ? flags.linkLocalIp : choice.linkLocalIps,
  };
}

/** One network with nothing said about its endpoint: the mode alone names it. */
function isPlain(choice: NetworkChoice, flags: ContainerFlags): boolean {
  const { aliases, driverOpts, ip, ip6, macAddress, linkLocalIps, target, gatewayPriority } = withPlainFlags(
    choice,
    flags,
  );
  const lists = aliases.length + linkLocalIps.length + Object.keys(driverOpts).length;
  const links = isSpecial(target) ? 0 : flags.link.length;
  return ip + ip6 + macAddress === '' && gatewayPriority === 0 && lists + links === 0;
}

function isSpecial(name: string): boolean {
  return ['default', 'bridge', 'host', 'none'].includes(name) || name.startsWith('container:');
}

function endpoint(choice: NetworkChoice, flags: ContainerFlags): EndpointSettings {
  const { target, aliases, ip, ip6, macAddress, linkLocalIps, driverOpts, gatewayPriority } = choice;
  if (aliases.length > 0 && isSpecial(target)) {
    throw new UsageError('network-scoped alias is supported only for containers in user defined networks');
  }
  const addressed = ip !== '' || ip6 !== '' || linkLocalIps.length > 0;
  const ipam = {
    ...(ip === '' ? {} : { IPv4Address: ip }),
    ...(ip6 === '' ? {} : { IPv6Address: ip6 }),
    ...(linkLocalIps.length === 0 ? {} : { LinkLocalIPs: linkLocalIps }),
  };
  return {
    ...EMPTY_ENDPOINT,
    IPAMConfig: addressed ? ipam : null,
    Links: !isSpecial(target) && flags.link.length > 0 ? flags.link : null,
    Aliases: aliases.length > 0 ? aliases : null,
    MacAddress: macAddress,
    DriverOpts: Object.keys(driverOpts).length > 0 ? driverOpts : null,
    GwPriority: gatewayPriority,
  };
}
