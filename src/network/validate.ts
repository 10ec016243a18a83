import { isIP, isIPv4 } from 'node:net';
import { EngineError } from '#base/errors.ts';
import type { EndpointSettings } from '#wire/network.ts';
import { requestedEndpoint } from './endpoint.ts';
import { parseExtraHosts } from './extra-hosts.ts';
import type { SandboxRequest } from './network.ts';
import { parsePortRequests } from './port-spec.ts';

const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

/**
 * What can be said of a request before the container exists. That a network does not exist is not among it: the
 * network may be there when the container starts.
 *
 * @throws {EngineError} `invalid` with dockerd's texts
 */
export function validateRequest(
  request: Pick<SandboxRequest, 'mode' | 'endpoints' | 'portBindings' | 'extraHosts' | 'dns'>,
): void {
  parsePortRequests(request.portBindings);
  parseExtraHosts(request.extraHosts, '0.0.0.0');
  for (const server of request.dns) {
    if (isIP(server) === 0) throw new EngineError('invalid', `invalid nameserver address: "${server}"`);
  }
  if (request.mode === 'bridge') validateDefaultBridge(requestedEndpoint('bridge', request.endpoints));
}

/** The default bridge takes neither addresses nor aliases, as in Docker. */
function validateDefaultBridge(endpoint: EndpointSettings): void {
  const problems = [...addressProblems(endpoint.IPAMConfig?.IPv4Address ?? ''), ...aliasProblems(endpoint)];
  const prefix = 'invalid config for network bridge:';
  if (endpoint.MacAddress !== '' && !MAC.test(endpoint.MacAddress)) {
    throw new EngineError('invalid', `${prefix} invalid MAC address ${endpoint.MacAddress}`);
  }
  const [only, ...more] = problems;
  if (only === undefined) return;
  const list = more.length > 0 ? problems.map((problem) => `* ${problem}`).join('\n') : only;
  throw new EngineError('invalid', `${prefix} invalid endpoint settings:\n${list}`);
}

function addressProblems(address: string): readonly string[] {
  if (address === '') return [];
  return [
    'user specified IP address is supported on user defined networks only',
    ...(isIPv4(address) ? [] : [`invalid IPv4 address: ${address}`]),
    'user specified IP address is supported only when connecting to networks with user configured subnets',
  ];
}

function aliasProblems({ Aliases }: EndpointSettings): readonly string[] {
  const has = (Aliases ?? []).length > 0;
  return has ? ['network-scoped alias is supported only for containers in user defined networks'] : [];
}
