import { EngineError } from '#base/errors.ts';
import { requireDockerfiles } from '#build/plan/frontend.ts';

/** The frontend of Dockerfiles, by its own name, and as an image. */
const FRONTENDS = new Set(['dockerfile.v0', 'gateway.v0']);

export function requireFrontend(name: string, attributes: ReadonlyMap<string, string>): void {
  if (!FRONTENDS.has(name)) throw new EngineError('invalid', `failed to find frontend: ${name}`);
  const image = attributes.get('source') ?? '';
  if (name === 'gateway.v0' && image !== '') requireDockerfiles(image);
}
