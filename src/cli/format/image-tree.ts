/** `images --tree`: each image with the platforms of its index, laid out as Docker's command line does. */
import { platformText } from '#oci/platform.ts';
import type { ImageSummary, ManifestSummary } from '#wire/image.ts';
import type { Style } from '../style.ts';
import { humanSize } from './sizes.ts';
import { truncateId } from './text.ts';

const UNTAGGED = '<untagged>';
const IN_USE = 'U';
const SPACING = '   ';
const MINIMUM_NAME_WIDTH = 12;

interface Column {
  readonly title: string;
  readonly width: number;
  readonly isRight: boolean;
  readonly textOf: (line: Line) => string;
}

const COLUMNS: readonly Column[] = [
  { title: 'ID', width: 12, isRight: false, textOf: ({ id }) => truncateId(id) },
  { title: 'DISK USAGE', width: 10, isRight: true, textOf: ({ totalBytes }) => humanSize(totalBytes, 3) },
  {
    title: 'CONTENT SIZE',
    width: 12,
    isRight: true,
    textOf: ({ contentBytes }) => humanSize(contentBytes, 3),
  },
  { title: 'EXTRA', width: 5, isRight: false, textOf: ({ isUsed }) => (isUsed ? IN_USE : '') },
];

interface Line {
  readonly name: string;
  readonly id: string;
  readonly totalBytes: number;
  readonly contentBytes: number;
  readonly isUsed: boolean;
  readonly isAvailable: boolean;
}

interface Tree {
  /** Names before the one that stands on the line of the image. */
  readonly otherNames: readonly string[];
  readonly top: Line;
  readonly platforms: readonly Line[];
}

/** Columns that do not fit beside the names are left out. */
export function imageTree(images: readonly ImageSummary[], widthColumns: number, style: Style): string {
  const trees = images.map(treeOf);
  const names = trees.flatMap(({ otherNames, top, platforms }) => [
    ...otherNames,
    top.name,
    ...platforms.map(({ name }) => name),
  ]);
  const columns = fittingColumns(widthColumns);
  const room = widthColumns - columns.reduce((sum, { width }) => sum + width + SPACING.length, 0);
  const widest = Math.max('IMAGE'.length, ...names.map((name) => name.length));
  const layout: Layout = { columns, nameWidth: Math.min(room, widest), style };
  const legend = `${' '.repeat(Math.max(0, lineWidth(layout) - LEGEND.length))}${style.dim(LEGEND)}`;
  const heading = [
    fit('IMAGE', layout.nameWidth),
    ...columns.map(({ title, width, isRight }) => fit(title, width, isRight)),
  ];
  const body = trees.map((tree) => treeText(tree, layout)).join('\n');
  return [legend, style.bold(heading.join(SPACING)), body].join('\n');
}

const LEGEND = `${IN_USE}: in use`;

interface Layout {
  readonly columns: readonly Column[];
  readonly nameWidth: number;
  readonly style: Style;
}

function lineWidth({ columns, nameWidth }: Layout): number {
  return columns.reduce((sum, { width }) => sum + width + SPACING.length, nameWidth);
}

function fittingColumns(widthColumns: number): readonly Column[] {
  const fitting: Column[] = [];
  let room = widthColumns;
  for (const column of COLUMNS) {
    room -= column.width + SPACING.length;
    if (room < MINIMUM_NAME_WIDTH) break;
    fitting.push(column);
  }
  return fitting;
}

function treeOf({ Id, RepoTags, Size, Manifests = [], Containers }: ImageSummary): Tree {
  const shown = Manifests.filter(({ Kind }) => Kind === 'image');
  const platforms = shown.map((manifest, index) => platformLine(manifest, index === shown.length - 1));
  // An index may name a manifest for several platforms.
  const distinct = [...new Map(platforms.map((line) => [line.id, line])).values()];
  const [name = UNTAGGED, ...otherNames] = RepoTags.toReversed();
  return {
    otherNames: otherNames.toReversed(),
    platforms,
    top: {
      name,
      id: Id,
      totalBytes: distinct.reduce((sum, { totalBytes }) => sum + totalBytes, 0) || Size,
      contentBytes: distinct.reduce((sum, { contentBytes }) => sum + contentBytes, 0),
      isUsed: Containers > 0 || platforms.some(({ isUsed }) => isUsed),
      isAvailable: true,
    },
  };
}

function platformLine({ ID, Available, Size, ImageData }: ManifestSummary, isLast: boolean): Line {
  const platform = ImageData ? platformText(ImageData.Platform) : '';
  return {
    name: `${isLast ? '└─' : '├─'} ${platform}`,
    id: ID,
    totalBytes: Size.Total,
    contentBytes: Size.Content,
    isUsed: (ImageData?.Containers.length ?? 0) > 0,
    isAvailable: Available,
  };
}

function treeText({ otherNames, top, platforms }: Tree, layout: Layout): string {
  const { style, nameWidth } = layout;
  const names = otherNames.map((name) => style.cyan(fit(name, nameWidth)));
  return [
    ...names,
    lineText(top, layout, (text) => style.cyan(text)),
    ...platforms.map((line) => lineText(line, layout)),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function lineText(
  line: Line,
  { columns, nameWidth, style }: Layout,
  mark?: (text: string) => string,
): string {
  const name = fit(line.name, nameWidth);
  const cells = columns.map((column) => fit(column.textOf(line), column.width, column.isRight));
  const text = [mark ? mark(name) : name, ...cells].join(SPACING);
  return line.isAvailable ? text : style.dim(text);
}

function fit(text: string, width: number, isRight = false): string {
  if (text.length > width) return `${text.slice(0, Math.max(0, width - 3))}...`.slice(0, width);
  return isRight ? text.padStart(width) : text.padEnd(width);
}
