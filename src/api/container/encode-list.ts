/** One row of `GET /containers/json`. */
import { now } from '#base/clock.ts';
import type { ContainerListEntry } from '#container/views.ts';
import type { ContainerSummary } from '#wire/container.ts';
import { networkModeText } from './encode-host-config.ts';
import { encodeSize } from './encode-inspect.ts';
import { encodeMounts } from './encode-mounts.ts';
import { encodeEndpoints, portSummaries } from './encode-network.ts';
import { NO_SURROUNDINGS, type Surroundings } from './surroundings.ts';
import { statusText } from './status-text.ts';

export function encodeListEntry(
  entry: ContainerListEntry,
  { manifests, networkIds }: Surroundings = NO_SURROUNDINGS,
): ContainerSummary {
  const { spec, state, network, size } = entry;
  const manifest = manifests.get(entry.imageId);
  const hasAnnotations = Object.keys(spec.annotations).length > 0;
  const { entrypoint = [], command = [] } = spec.process;
  return {
    Id: entry.id,
    Names: [entry.name, ...entry.linkedAs].map((name) => `/${name}`),
    Image: entry.image,
    ImageID: entry.imageId,
    Command: commandText([...entrypoint, ...command]),
    Created: Math.floor(Date.parse(entry.createdAt) / 1000),
    Ports: portSummaries(network),
    Labels: spec.labels,
    State: state.status,
    Status: statusText(state, now()),
    HostConfig: {
      NetworkMode: networkModeText(spec),
      ...(hasAnnotations && { Annotations: spec.annotations }),
    },
    Health: { Status: 'none', FailingStreak: 0 },
    NetworkSettings: { Networks: listedEndpoints(encodeEndpoints(entry, networkIds)) },
    Mounts: encodeMounts(entry.mounts),
    ...(size && encodeSize(size)),
    ...(manifest && { ImageManifestDescriptor: manifest }),
  };
}

/** A list says where the endpoints are, not how they were asked for. */
function listedEndpoints(endpoints: ReturnType<typeof encodeEndpoints>): ReturnType<typeof encodeEndpoints> {
  return Object.fromEntries(
    Object.entries(endpoints).map(([network, endpoint]) => [
      network,
      { ...endpoint, Links: null, Aliases: null, DriverOpts: null, DNSNames: null },
    ]),
  );
}

/** The first word as it is, the others quoted where they contain blanks, as Docker does. */
function commandText([path = '', ...args]: readonly string[]): string {
  return [path, ...args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg))].join(' ');
}
