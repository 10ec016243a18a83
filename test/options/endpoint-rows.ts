/** The ends of networks in a create request. */
import assert from 'node:assert/strict';
import { requestJson } from '../support/http.ts';
import {
  type Body,
  type OptionRow,
  type OptionRows,
  proved,
  refused,
  shown,
  told,
  warned,
} from './option-row.ts';

const endpoint = (settings: Body): Body => ({ NetworkingConfig: { EndpointsConfig: { bridge: settings } } });

const NO_ADDRESS =
  /^invalid config for network bridge: .*\n\* user specified IP address is supported on user defined/;
const noAddress = (IPAMConfig: Body) => refused(endpoint({ IPAMConfig }), NO_ADDRESS);

/** Clients send back what inspect has told them: the engine tells its own. */
function answered(field: string, sent: unknown): OptionRow {
  return proved('networked', endpoint({ [field]: sent }), async ({ socket, id }) => {
    const { NetworkSettings } = await requestJson<{ NetworkSettings: { Networks: Record<string, Body> } }>(
      socket,
      'GET',
      `/containers/${id}/json`,
    );
    assert.notDeepEqual(NetworkSettings.Networks['bridge']?.[field], sent);
  });
}

const ROWS: OptionRows = {
  'IPAMConfig.IPv4Address': noAddress({ IPv4Address: '172.17.0.9' }),
  'IPAMConfig.IPv6Address': noAddress({ IPv6Address: 'fd00::9' }),
  'IPAMConfig.LinkLocalIPs': noAddress({ LinkLocalIPs: ['169.254.1.9'] }),
  Links: shown(
    'networked',
    endpoint({ Links: ['options-main:called'] }),
    'nslookup -type=a called 127.0.0.11',
    /^Name:\s+called\nAddress: \d+\.\d+\.\d+\.\d+$/m,
  ),
  MacAddress: shown(
    'networked',
    endpoint({ MacAddress: '02:42:ac:11:88:88' }),
    'cat /sys/class/net/eth0/address',
    /^02:42:ac:11:88:88$/,
  ),
  Aliases: refused(
    endpoint({ Aliases: ['a'] }),
    /network-scoped alias is supported only for containers in user defined networks$/,
  ),
  DriverOpts: warned(
    endpoint({ DriverOpts: { a: 'b' } }),
    /^EndpointsConfig\.DriverOpts has no effect: this engine does not/,
  ),
  GwPriority: told('networked', endpoint({ GwPriority: 7 }), 'NetworkSettings.Networks.bridge.GwPriority', 7),
  NetworkID: answered('NetworkID', 'sent'),
  EndpointID: answered('EndpointID', 'sent'),
  Gateway: answered('Gateway', '192.0.2.1'),
  IPAddress: answered('IPAddress', '192.0.2.2'),
  IPPrefixLen: answered('IPPrefixLen', 3),
  IPv6Gateway: answered('IPv6Gateway', 'fd00::1'),
  GlobalIPv6Address: answered('GlobalIPv6Address', 'fd00::2'),
  GlobalIPv6PrefixLen: answered('GlobalIPv6PrefixLen', 3),
  DNSNames: answered('DNSNames', ['sent']),
};

export const ENDPOINT_ROWS: OptionRows = Object.fromEntries(
  Object.entries(ROWS).map(([name, row]) => [`NetworkingConfig.EndpointsConfig.${name}`, row]),
);
