import { isEngineError } from '#base/errors.ts';
import { type ContainerPort, parsePorts } from '#base/ports.ts';

/** The ports that an image says it serves: `80`, `53/udp`, `8000-8002/tcp`. What is not a port is left out. */
export function exposedPortsOf(texts: readonly string[]): readonly ContainerPort[] {
  return texts.flatMap(portsOf);
}

function portsOf(text: string): readonly ContainerPort[] {
  try {
    return parsePorts(text);
  } catch (error) {
    if (isEngineError(error, 'invalid')) return [];
    throw error;
  }
}
