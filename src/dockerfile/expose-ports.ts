/** EXPOSE's ports as the image config holds them. */
import { invalid } from './dockerfile-error.ts';

const PROTOCOLS = ['tcp', 'udp', 'sctp'];

/**
 * `80` → `80/tcp`, `8000-8002/udp` → three. Addresses and host ports in front are accepted and dropped, as Docker
 * does; `lint` warns of them.
 *
 * @throws {EngineError} `invalid`
 */
export function exposedPorts(ports: readonly string[]): readonly string[] {
  return ports.flatMap(exposedPort);
}

function exposedPort(text: string): readonly string[] {
  const [port = '', protocol = 'tcp', ...others] = text.slice(text.lastIndexOf(':') + 1).split('/');
  if (port === '') throw invalid(`invalid port: ${JSON.stringify(text)}: no port specified`);
  const lower = [protocol, ...others].join('/').toLowerCase() || 'tcp';
  if (!PROTOCOLS.includes(lower))
    throw invalid(`invalid port: ${JSON.stringify(text)}: invalid proto: ${protocol}`);
  const [first, last = first] = port.split('-').map(portNumber);
  if (first === undefined || last === undefined || last < first || port.split('-').length > 2)
    throw invalid(`invalid containerPort: ${port}`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${lower}`);
}

function portNumber(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}
