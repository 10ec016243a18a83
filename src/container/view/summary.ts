import type { ContainerSummary } from '#wire/container.ts';
import { now } from '#base/clock.ts';
import type { ContainerContext } from '../context.ts';
import type { ManagedContainer } from '../run/managed-container.ts';
import { showMounts } from '../mounts/mounts.ts';
import { endpointsOf, portSummaries } from './network-view.ts';
import { commandOf } from '../spec/spec.ts';
import { statusText } from './status-text.ts';

type SummaryContext = Pick<ContainerContext, 'images' | 'networks' | 'volumes'>;

/** One row of `GET /containers/json`. */
export function summarize(context: SummaryContext, container: ManagedContainer): ContainerSummary {
  const { id, name, config, hostConfig, definition, state } = container;
  return {
    Id: id,
    Names: [`/${name}`],
    Image: shownImage(context, container),
    ImageID: definition.imageId,
    Command: commandText(commandOf(config)),
    Created: Math.floor(Date.parse(definition.createdAt) / 1000),
    Ports: portSummaries(container),
    Labels: config.Labels ?? {},
    State: state.status,
    Status: statusText(state, now()),
    HostConfig: { NetworkMode: hostConfig.NetworkMode },
    NetworkSettings: { Networks: endpointsOf(container) },
    Mounts: showMounts(definition.mounts, context.volumes),
  };
}

/** The name that the user gave, as long as it means the same image. */
function shownImage({ images }: SummaryContext, { config, definition }: ManagedContainer): string {
  try {
    return images.resolve(config.Image).id === definition.imageId ? config.Image : definition.imageId;
  } catch {
    return definition.imageId;
  }
}

/** The first word as it is, the others quoted where they contain blanks, as Docker does. */
function commandText([path = '', ...args]: readonly string[]): string {
  return [path, ...args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg))].join(' ');
}
