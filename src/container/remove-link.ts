import { containerError } from './container-errors.ts';
import type { Lookup } from './lookup.ts';
import type { Container } from './run/container.ts';

/**
 * Removes a link, and neither of its containers; a run that goes on keeps what it knows.
 *
 * @param reference `CONTAINER/ALIAS`
 * @throws {EngineError} `name-is-no-link`, `no-such-link`
 */
export async function removeLink(lookup: Pick<Lookup<Container>, 'find'>, reference: string): Promise<void> {
  if (!reference.replace(/^\//, '').includes('/')) {
    throw containerError('name-is-no-link', { subject: reference });
  }
  const [, owner = '', wanted = ''] = /^\/?([^/]+)\/([^/]+)$/.exec(reference) ?? [];
  const container = lookup.find(owner);
  if (!container) throw containerError('no-such-link', { subject: reference });
  using _lock = await container.lock();
  const { spec } = container;
  const links = spec.network.links?.filter(({ alias }) => alias !== wanted);
  if (!links || links.length === spec.network.links?.length) {
    throw containerError('no-such-link', { subject: reference });
  }
  container.redefine({ spec: { ...spec, network: { ...spec.network, links } } });
}
