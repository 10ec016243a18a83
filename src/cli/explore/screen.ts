/** The explorer's picture: from what there is and what is shown to the lines of a terminal. Pure. */
import type { ExploredFile, ExploredKind, ExploredLayer, ImageExploration } from '#wire/explore.ts';
import { humanSize } from '../format/sizes.ts';
import type { Style } from '../style.ts';
import { shownFiles, type ViewState } from './view-state.ts';

export interface ScreenSize {
  readonly rows: number;
  readonly columns: number;
}

/** Everything that the screen shows. */
export interface Picture {
  readonly image: string;
  readonly exploration: ImageExploration;
  readonly state: ViewState;
}

/** Title, two headings, the line of keys. */
const FIXED_ROWS = 4;

const MARKS: Readonly<Record<ExploredKind, string>> = { added: '+', changed: '~', removed: '-' };

const KEYS = 'arrows move   tab layers/files   / filter   q quit';

/** Exactly `size.rows` lines, none wider than the screen. */
export function renderScreen(
  { image, exploration, state }: Picture,
  size: ScreenSize,
  style: Style,
): readonly string[] {
  const { Layers } = exploration;
  const files = shownFiles(exploration, state);
  const layerRows = Math.max(1, Math.min(Layers.length, Math.floor((size.rows - FIXED_ROWS) / 3)));
  const fileRows = Math.max(0, size.rows - FIXED_ROWS - layerRows);
  const line = (text: string) => fit(text, size.columns);
  const chosen = (isChosen: boolean, isFocused: boolean, text: string) =>
    isChosen ? (isFocused ? reversed(line(text), style) : style.bold(line(text))) : line(text);
  const layerLines = windowed(Layers, state.layer, layerRows).map(([layer, index]) =>
    chosen(index === state.layer, state.focus === 'layers', layerLine(layer, index)),
  );
  const fileLines = windowed(files, state.file, fileRows).map(([file, index]) =>
    chosen(index === state.file && state.focus === 'files', true, fileLine(file)),
  );
  return [
    style.bold(line(titleOf(image, exploration))),
    style.dim(line('  #      SIZE    WASTED  ADDED CHANGED REMOVED  COMMAND')),
    ...padded(layerLines, layerRows),
    style.dim(line(fileHeading(Layers[state.layer], files.length, state))),
    ...padded(fileLines, fileRows),
    line(state.isFiltering ? `/${state.filter}_` : KEYS),
  ].slice(0, size.rows);
}

/** One line for people who did not ask for a screen, too. */
export function titleOf(image: string, { Size, WastedSize, Efficiency, Layers }: ImageExploration): string {
  const percent = (Math.floor(Efficiency * 1000) / 10).toFixed(1);
  return printable(
    `${image}  ${Layers.length} layers  ${humanSize(Size, 3)}  wasted ${humanSize(WastedSize, 3)}  efficiency ${percent}%`,
  );
}

export function layerLine(layer: ExploredLayer, index: number): string {
  const { Size, WastedSize, Added, Changed, Removed, Command } = layer;
  const sizes = [Size, WastedSize].map((bytes) => humanSize(bytes, 3).padStart(9)).join(' ');
  const counts = `${String(Added).padStart(6)} ${String(Changed).padStart(7)} ${String(Removed).padStart(7)}`;
  return printable(`${String(index + 1).padStart(3)} ${sizes} ${counts}  ${shortCommand(Command)}`);
}

function fileLine({ Path, Kind, Size, Type }: ExploredFile): string {
  const name = Type === 'directory' ? `${Path}/` : Path;
  return printable(`${MARKS[Kind]} ${humanSize(Size, 3).padStart(9)}  ${name}`);
}

function fileHeading(
  layer: ExploredLayer | undefined,
  shown: number,
  { layer: index, filter }: ViewState,
): string {
  const total = layer?.Files?.length ?? 0;
  const filtered = filter === '' ? '' : `  filter: ${filter}`;
  return printable(`       SIZE  FILES OF LAYER ${index + 1}: ${shown} of ${total}${filtered}`);
}

/** Without the words that every instruction starts with. */
function shortCommand(command: string): string {
  return command
    .replace(/^\/bin\/sh -c #\(nop\)\s+/, '')
    .replace(/^\/bin\/sh -c /, 'RUN ')
    .replace(/ # buildkit$/, '')
    .replaceAll(/\s+/g, ' ');
}

/** The items around the chosen one, with their indexes. */
function windowed<Item>(
  items: readonly Item[],
  chosen: number,
  rows: number,
): readonly (readonly [Item, number])[] {
  const start = Math.max(0, Math.min(chosen - Math.floor(rows / 2), items.length - rows));
  return items.slice(start, start + rows).map((item, offset) => [item, start + offset] as const);
}

function padded(lines: readonly string[], rows: number): readonly string[] {
  return [...lines, ...Array.from({ length: Math.max(0, rows - lines.length) }, () => '')];
}

function fit(text: string, columns: number): string {
  const characters = Array.from(text);
  return characters.length <= columns ? text : `${characters.slice(0, Math.max(0, columns - 1)).join('')}…`;
}

/** Takes control characters out of file names: anyone may have chosen them, and the terminal would obey. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}|\p{Cf}/gu, '\uFFFD');
}

function reversed(text: string, { enabled }: Style): string {
  return enabled ? `\u001b[7m${text}\u001b[27m` : `>${text.slice(1)}`;
}
