/** What a client asked for, as provenance tells it: BuildKit's frontend attributes. */
import { unreachable } from '#base/unreachable.ts';
import { hostPlatform } from '#oci/platform.ts';
import { formatPlatform, isProxyName } from '#dockerfile/stages/scopes.ts';
import type { BuildRequest, NamedContext } from '../build.ts';
import { DEFAULT_SHARED_MEMORY_BYTES, networkName } from '../definition/command-settings.ts';
import type { Vertex } from '../definition/vertex.ts';
import { withoutCredentials } from './materials.ts';
import { clientRequests } from './vertex-sources.ts';

type Attributes = Readonly<Record<string, string>>;

/** @param mode `max` tells values of arguments and labels too, and what of the client's is asked for */
export function requestParameters(
  request: BuildRequest,
  result: Vertex,
  locals: readonly string[],
  mode: 'min' | 'max',
): object {
  const isMax = mode === 'max';
  const args = { ...plainAttributes(request), ...(isMax && privateAttributes(request)) };
  const [secrets, ssh] = [asked(result, 'secret'), asked(result, 'ssh')];
  return {
    ...(!request.graph && { frontend: 'dockerfile.v0' }),
    ...(Object.keys(args).length > 0 && { args: sorted(args) }),
    ...(isMax && secrets.length > 0 && { secrets }),
    ...(isMax && ssh.length > 0 && { ssh }),
    ...(locals.length > 0 && { locals: locals.map((name) => ({ name })) }),
  };
}

/** Whether `min` tells all that was asked for. */
export function hasPrivateAttributes(request: BuildRequest): boolean {
  return Object.keys(privateAttributes(request)).length > 0;
}

function asked(result: Vertex, kind: 'secret' | 'ssh'): readonly object[] {
  return clientRequests([result], kind).map(({ id, optional }) => ({ id, ...(optional && { optional }) }));
}

/**
 * Attributes that `min` leaves out, since they may be confidential. Proxies are always left out: passwords are in their
 * URLs.
 */
function privateAttributes({ buildArgs, labels }: BuildRequest): Attributes {
  const told = Object.entries(buildArgs).filter(([name]) => !isProxyName(name));
  return { ...withPrefix('build-arg:', Object.fromEntries(told)), ...withPrefix('label:', labels) };
}

function plainAttributes(request: BuildRequest): Attributes {
  const { target, namedContexts = {}, noCache, noCacheStages = [], commands } = request;
  const { network, extraHosts = [], sharedMemoryBytes, ulimits } = commands;
  const isDefaultNetwork = network.kind === 'attached' && network.attachments.length === 0;
  const contexts = Object.entries(namedContexts).map(
    ([name, context]) => [`context:${name}`, contextText(context)] as const,
  );
  const hosts = extraHosts.map((host) => host.replace(':', '='));
  const limits = ulimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`);
  const isNoCache = noCache || noCacheStages.length > 0;
  return {
    ...Object.fromEntries(contexts),
    ...(target !== undefined && { target }),
    ...(isNoCache && { 'no-cache': noCacheStages.join(',') }),
    ...(!isDefaultNetwork && { 'force-network-mode': networkName(network) }),
    ...(hosts.length > 0 && { 'add-hosts': hosts.join(',') }),
    ...(sharedMemoryBytes !== DEFAULT_SHARED_MEMORY_BYTES && { 'shm-size': String(sharedMemoryBytes) }),
    ...(limits.length > 0 && { ulimit: limits.join(',') }),
  };
}

function contextText(context: NamedContext): string {
  switch (context.kind) {
    case 'session':
      return `local:${context.directory}`;
    case 'image':
      return `docker-image://${context.reference}`;
    case 'oci-layout':
      return `oci-layout://${context.directory}@${context.digest}`;
    case 'remote':
      return withoutCredentials(context.url);
    case 'tar':
      return 'tar:';
    case 'layers':
      return 'input:';
    default:
      return unreachable(context);
  }
}

function withPrefix(prefix: string, values: Readonly<Record<string, string | null>>): Attributes {
  const entries = Object.entries(values).flatMap(([name, value]) =>
    value === null ? [] : [[`${prefix}${name}`, value] as const],
  );
  return Object.fromEntries(entries);
}

function sorted(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export function builderPlatform(): string {
  return formatPlatform(hostPlatform());
}
