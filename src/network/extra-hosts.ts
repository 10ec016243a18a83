import { isIP } from 'node:net';
import { EngineError } from '#base/errors.ts';
import type { HostsEntry } from './hosts-file.ts';

/** Stands for the host's address as containers see it. */
const HOST_GATEWAY = 'host-gateway';

/**
 * Reads `--add-host` values (`name:address`, where the address may itself contain colons).
 *
 * @throws {EngineError} `invalid` with Docker's texts
 */
export function parseExtraHosts(values: readonly string[], hostGateway: string): readonly HostsEntry[] {
  return values.map((value) => {
    const [name = '', ...rest] = value.split(':');
    const address = rest.join(':');
    if (name === '' || rest.length === 0) {
      throw new EngineError('invalid', `bad format for add-host: "${value}"`);
    }
    if (address === HOST_GATEWAY) return { address: hostGateway, names: [name] };
    if (isIP(address) === 0) throw new EngineError('invalid', `invalid IP address in add-host: "${address}"`);
    return { address, names: [name] };
  });
}
