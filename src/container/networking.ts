import type { NetworkAttachment } from '#network/attachment.ts';
import { networkError } from '#network/network-errors.ts';
import type { NetworkRecord, Networks } from '#network/network.ts';
import { containerError } from './container-errors.ts';
import type { NetworkMode } from './container-spec.ts';
import type { ContainerStore } from './container-store.ts';
import { followNetworks, type HostsRoles } from './files/change-hosts.ts';
import type { Container } from './run/container.ts';
import { attachmentsOf } from './run/sandbox-request.ts';

export interface NetworkingRoles {
  readonly networks: Pick<Networks, 'connect' | 'disconnect' | 'inspect' | 'list' | 'validate'>;
  readonly store: Pick<ContainerStore, 'durable'>;
  readonly hosts: HostsRoles;
}

/**
 * Puts a container on one more network: at once where it runs, else from its next start on. Survives power loss when
 * it resolves.
 *
 * @throws {EngineError} `no-such-network`, `already-connected`, `network-is-shared`, `network-is-host`,
 * `network-is-none`, `attachment-invalid`, `update-of-removed`; and of a running one, what makes endpoints fail
 */
export async function connectContainer(
  { networks, store, hosts }: NetworkingRoles,
  container: Container,
  asked: NetworkAttachment,
): Promise<void> {
  using _lock = await container.lock();
  const { network } = networks.inspect(asked.network);
  const present = changeableAttachments(container);
  checkTogether(container, network);
  const attachment = { ...asked, network: network.name };
  const others = present.filter((other) => !isOn(networks, other, network.id));
  if (container.run && others.length < present.length) {
    throw networkError('already-connected', { subject: network.name, details: { name: container.name } });
  }
  networks.validate({ attachments: [attachment], extraHosts: [], dnsServers: [] });
  const sandbox = container.run?.sandbox;
  if (sandbox) {
    const connected = await networks.connect(container.id, attachment);
    container.changeSandbox(connected);
    await followNetworks(hosts, sandbox, connected);
  }
  changeAttachments(container, [...others, attachment]);
  await store.durable();
}

/**
 * Takes a container off a network. Survives power loss when it resolves.
 *
 * @throws {EngineError} `no-such-network`, `not-connected`, `network-is-shared`, `network-is-host`, `update-of-removed`
 */
export async function disconnectContainer(
  { networks, store, hosts }: NetworkingRoles,
  container: Container,
  { reference, force }: { readonly reference: string; readonly force: boolean },
): Promise<void> {
  using _lock = await container.lock();
  if (force && !container.run && forgetLostNetwork(networks, container, reference))
    return await store.durable();
  const { network } = networks.inspect(reference);
  const present = changeableAttachments(container);
  const others = present.filter((other) => !isOn(networks, other, network.id));
  if (others.length === present.length) {
    throw networkError('not-connected', { subject: network.name, details: { name: container.id } });
  }
  if (network.driver.kind === 'host') throw containerError('network-is-host', { subject: container.id });
  const sandbox = container.run?.sandbox;
  if (sandbox) {
    const left = await networks.disconnect(container.id, network.id);
    container.changeSandbox(left);
    await followNetworks(hosts, sandbox, left);
  }
  changeAttachments(container, others);
  await store.durable();
}

/** A network that is gone keeps a container from starting: it is taken off by the name that it had. */
function forgetLostNetwork(
  networks: NetworkingRoles['networks'],
  container: Container,
  reference: string,
): boolean {
  const present = changeableAttachments(container);
  const others = present.filter(({ network }) => network !== reference);
  if (others.length === present.length || networks.list().some(({ network }) => network.name === reference)) {
    return false;
  }
  changeAttachments(container, others);
  return true;
}

/** @throws {EngineError} where its networks are not its own to change */
function changeableAttachments({ id, state, spec }: Container): readonly NetworkAttachment[] {
  if (state.status === 'removing' || state.status === 'dead') {
    throw containerError('update-of-removed', { subject: id });
  }
  const { kind } = spec.network.mode;
  if (kind === 'joined') throw containerError('network-is-shared', { subject: id });
  return attachmentsOf(spec.network);
}

/** The host's network is no namespace to put a link into, and `none` is there to have no other beside it. */
function checkTogether({ id, spec }: Container, { driver }: NetworkRecord): void {
  const { kind } = spec.network.mode;
  if (kind === 'host') throw containerError('network-is-shared', { subject: id });
  if (driver.kind === 'host') throw containerError('network-is-host', { subject: id });
  if (kind === 'none' || (driver.kind === 'null' && kind !== 'unconnected')) {
    throw containerError('network-is-none', { subject: id });
  }
}

/** A network that is gone is none of those that are here. */
function isOn(networks: NetworkingRoles['networks'], { network }: NetworkAttachment, id: string): boolean {
  try {
    return networks.inspect(network).network.id === id;
  } catch {
    return false;
  }
}

function changeAttachments(container: Container, attachments: readonly NetworkAttachment[]): void {
  const { spec } = container;
  container.redefine({ spec: { ...spec, network: { ...spec.network, mode: modeOf(attachments) } } });
}

function modeOf(attachments: readonly NetworkAttachment[]): NetworkMode {
  if (attachments.some(({ network }) => network === 'none')) return { kind: 'none' };
  return attachments.length > 0 ? { kind: 'attached', attachments } : { kind: 'unconnected' };
}
