import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { EngineError } from '#base/errors.ts';
import type { NetworkAttachment } from './attachment.ts';
import { parseExtraHosts } from './extra-hosts.ts';
import { networkError } from './network-errors.ts';
import type { SandboxRequest } from './network.ts';

const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

/**
 * What can be said of a request before the container exists. That a network does not exist is not among it: the
 * network may be there when the container starts.
 *
 * @param defaultNetwork the name of the network that takes neither addresses nor aliases, as in Docker
 * @throws {EngineError} `extra-host-malformed`, `extra-host-address`, `nameserver-invalid`, `attachment-invalid`
 */
export function validateRequest(
  { attachments, extraHosts, dnsServers }: Pick<SandboxRequest, 'attachments' | 'extraHosts' | 'dnsServers'>,
  defaultNetwork: string,
): void {
  parseExtraHosts(extraHosts, '0.0.0.0');
  for (const server of dnsServers) {
    if (isIP(server) === 0) throw networkError('nameserver-invalid', { subject: server });
  }
  for (const attachment of attachments) {
    validateMac(attachment);
    if (attachment.network === defaultNetwork) validateDefaultBridge(attachment);
    else validateAddresses(attachment);
  }
}

function validateMac(attachment: NetworkAttachment): void {
  const { macAddress } = attachment;
  if (macAddress === undefined || MAC.test(macAddress)) return;
  throw invalidAttachment(attachment, `invalid MAC address ${macAddress}`);
}

function validateAddresses(attachment: NetworkAttachment): void {
  const { ipv4Address = '0.0.0.0', ipv6Address = '::', linkLocalAddresses } = attachment;
  if (!isIPv4(ipv4Address)) throw invalidAttachment(attachment, `invalid IPv4 address: ${ipv4Address}`);
  if (!isIPv6(ipv6Address)) throw invalidAttachment(attachment, `invalid IPv6 address: ${ipv6Address}`);
  if (linkLocalAddresses.length === 0) return;
  throw invalidAttachment(attachment, 'this engine gives no link-local addresses (--link-local-ip) yet');
}

function invalidAttachment({ network: subject }: NetworkAttachment, problem: string): EngineError {
  return networkError('attachment-invalid', { subject, details: { problem } });
}

function validateDefaultBridge(attachment: NetworkAttachment): void {
  const problems = [...addressProblems(attachment), ...aliasProblems(attachment)];
  const [only, ...more] = problems;
  if (only === undefined) return;
  const list = more.length > 0 ? problems.map((problem) => `* ${problem}`).join('\n') : only;
  throw invalidAttachment(attachment, `invalid endpoint settings:\n${list}`);
}

function addressProblems(attachment: NetworkAttachment): readonly string[] {
  const { ipv4Address, ipv6Address, linkLocalAddresses } = attachment;
  if (ipv4Address === undefined && ipv6Address === undefined && linkLocalAddresses.length === 0) return [];
  return [
    'user specified IP address is supported on user defined networks only',
    ...(isIPv4(ipv4Address ?? '0.0.0.0') ? [] : [`invalid IPv4 address: ${ipv4Address}`]),
    ...(isIPv6(ipv6Address ?? '::') ? [] : [`invalid IPv6 address: ${ipv6Address}`]),
    'user specified IP address is supported only when connecting to networks with user configured subnets',
  ];
}

function aliasProblems({ aliases }: NetworkAttachment): readonly string[] {
  const problem = 'network-scoped alias is supported only for containers in user defined networks';
  return aliases.length > 0 ? [problem] : [];
}
