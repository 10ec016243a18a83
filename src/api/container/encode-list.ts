/** One row of `GET /containers/json`. */
import { now } from '#base/clock.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { ContainerListEntry } from '#container/views.ts';
import type { ContainerSummary } from '#wire/container.ts';
import { networkModeText } from './encode-host-config.ts';
import { encodeSize } from './encode-inspect.ts';
import { encodeMounts } from './encode-mounts.ts';
import { encodeEndpoints, portSummaries } from './encode-network.ts';
import { statusText } from './status-text.ts';

/** @param manifest that of the image, if the image is still there */
export function encodeListEntry(entry: ContainerListEntry, manifest?: Descriptor): ContainerSummary {
  const { spec, state, network, size } = entry;
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
    NetworkSettings: { Networks: encodeEndpoints(network) },
    Mounts: encodeMounts(entry.mounts),
    ...(size && encodeSize(size)),
    ...(manifest && { ImageManifestDescriptor: manifest }),
  };
}

/** The first word as it is, the others quoted where they contain blanks, as Docker does. */
function commandText([path = '', ...args]: readonly string[]): string {
  return [path, ...args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg))].join(' ');
}
