import type { ContainerSummary } from '#wire/container.ts';
import { Row } from '../template/value.ts';
import { publishedPorts } from './port-summary.ts';
import type { Listing } from './rows.ts';
import { humanSize } from './sizes.ts';
import { ellipsis, quote, truncateId } from './text.ts';
import { ago, goTime } from './times.ts';

const headings = {
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  RunningFor: 'CREATED',
  Ports: 'PORTS',
  State: 'STATE',
  Status: 'STATUS',
  Size: 'SIZE',
  Labels: 'LABELS',
  LocalVolumes: 'LOCAL VOLUMES',
  Mounts: 'MOUNTS',
  Names: 'NAMES',
  Networks: 'NETWORKS',
};

const columns = ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names'];

/** The table of `ps`, with the sizes where they were asked for. */
const RAW = `container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
`;

export function containerListing(size: boolean): Listing {
  return size
    ? { headings, columns: [...columns, 'Size'], raw: `${RAW}size: {{.Size}}\n` }
    : { headings, columns, raw: RAW };
}

/** A container as the formats of `ps` see it. */
export function containerRow(container: ContainerSummary, noTrunc: boolean): Row {
  const labels = container.Labels ?? {};
  return new Row(
    {
      ID: () => (noTrunc ? container.Id : truncateId(container.Id)),
      Image: () => imageOf(container, noTrunc),
      Command: () => quote(noTrunc ? container.Command : ellipsis(container.Command, 20)),
      CreatedAt: () => goTime(container.Created),
      RunningFor: () => ago(container.Created),
      Ports: () => publishedPorts(container.Ports ?? []),
      State: () => container.State,
      Status: () => container.Status,
      Size: () => sizeOf(container),
      Labels: () => labelList(labels),
      LocalVolumes: () => String((container.Mounts ?? []).filter(({ Driver }) => Driver === 'local').length),
      Mounts: () => mountsOf(container, noTrunc),
      Names: () => namesOf(container, noTrunc),
      Networks: () => Object.keys(container.NetworkSettings?.Networks ?? {}).join(','),
    },
    { Label: (name) => labels[name] ?? '' },
  );
}

/** `a=1,b=2`. */
export function labelList(labels: Readonly<Record<string, string>> | null | undefined): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function imageOf({ Image, ImageID }: ContainerSummary, noTrunc: boolean): string {
  if (Image === '') return '<no image>';
  if (noTrunc) return Image;
  const short = truncateId(ImageID);
  if (short === truncateId(Image)) return short;
  // A name with a tag says enough; the digest behind it is for `--no-trunc`.
  const at = Image.indexOf('@');
  return at > 0 && Image.slice(Image.lastIndexOf('/') + 1, at).includes(':') ? Image.slice(0, at) : Image;
}

function namesOf({ Names }: ContainerSummary, noTrunc: boolean): string {
  const names = (Names ?? []).map((name) => name.replace(/^\//, ''));
  if (noTrunc) return names.join(',');
  // Names with a slash are those that links gave it.
  return names.find((name) => !name.includes('/')) ?? names.join(',');
}

function mountsOf({ Mounts }: ContainerSummary, noTrunc: boolean): string {
  return (Mounts ?? [])
    .map(({ Name, Source }) => Name || Source)
    .map((name) => (noTrunc ? name : ellipsis(name, 15)))
    .join(',');
}

function sizeOf({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  const own = humanSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${own} (virtual ${humanSize(SizeRootFs, 3)})` : own;
}
