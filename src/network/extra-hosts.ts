import { isIP } from 'node:net';
import type { HostsEntry } from './hosts-file.ts';
import { networkError } from './network-errors.ts';

/** Stands for the host's address as containers see it. */
const HOST_GATEWAY = 'host-gateway';

/**
 * Reads `--add-host` values (`name:address`, where the address may itself contain colons).
 *
 * @param hostGateway empty where there is none
 * @throws {EngineError} `extra-host-malformed`, `extra-host-address`, `no-host-gateway`
 */
export function parseExtraHosts(values: readonly string[], hostGateway: string): readonly HostsEntry[] {
  return values.map((value) => {
    const [name = '', ...rest] = value.split(':');
    const address = rest.join(':');
    if (name === '' || rest.length === 0) throw networkError('extra-host-malformed', { subject: value });
    if (address === HOST_GATEWAY && hostGateway === '')
      throw networkError('no-host-gateway', { subject: name });
    if (address === HOST_GATEWAY) return { address: hostGateway, names: [name] };
    if (isIP(address) === 0) throw networkError('extra-host-address', { subject: address });
    return { address, names: [name] };
  });
}
