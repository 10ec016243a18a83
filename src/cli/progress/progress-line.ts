/** One line of a transfer: whose it is, what happens, how far it is. */
import type { ProgressMessage } from '#wire/image.ts';
import { humanSize } from '../format/sizes.ts';

/** Docker's bar; longer ones tell no more. */
const LONGEST_BAR = 50;
/** Shorter ones tell nothing. */
const SHORTEST_BAR = 8;
const BAR_FRAME = '[>] '.length;

/** Fits into `columns`: the bar shrinks first, then goes, and at last the text is cut. */
export function progressLine({ id, status = '', progressDetail }: ProgressMessage, columns: number): string {
  const start = `${id === undefined ? '' : `${id}: `}${status}`;
  const { current = 0, total = 0 } = progressDetail ?? {};
  if (current <= 0 && total <= 0) return start.slice(0, columns);
  const sizes = sizesOf(current, total);
  const room = columns - start.length - 1 - sizes.length - BAR_FRAME;
  const bar = total > 0 && room >= SHORTEST_BAR ? barOf(current / total, Math.min(room, LONGEST_BAR)) : '';
  const whole = `${start} ${bar}${sizes}`;
  if (whole.length <= columns || total <= 0) return whole.slice(0, columns);
  return `${start} ${Math.floor(Math.min(1, current / total) * 100)}%`.slice(0, columns);
}

/** `[====>     ] ` */
function barOf(part: number, width: number): string {
  const filled = Math.floor(Math.min(1, part) * width);
  return `[${'='.repeat(filled)}>${' '.repeat(width - filled)}] `;
}

/** The total alone once it is reached; padded, so that the sizes of all layers stand below each other. */
function sizesOf(current: number, total: number): string {
  const done = humanSize(current).padStart(8);
  return total > 0 && current < total ? `${done}/${humanSize(total)}` : done;
}
