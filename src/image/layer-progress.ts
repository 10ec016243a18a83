/** A layer's way here or away, in Docker's words. */
import { shortId } from '#base/ids.ts';
import type { ProgressMessage } from '#wire/image.ts';

/** More often is more than anybody sees. */
const INTERVAL_MS = 100;
const BAR_WIDTH = 50;
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export type ReportProgress = (message: ProgressMessage) => void;

/** Progress of one layer; `digest` is shown short. */
export class LayerProgress {
  readonly #id: string;
  readonly #report: ReportProgress;
  #reportedAtMs = 0;

  constructor(digest: string, report: ReportProgress) {
    this.#id = shortId(digest);
    this.#report = report;
  }

  status(status: string): void {
    this.#report({ status, progressDetail: {}, id: this.#id });
  }

  /** Bytes so far; told now and then. */
  bytes(status: string, current: number, total: number): void {
    const now = Date.now();
    if (now - this.#reportedAtMs < INTERVAL_MS) return;
    this.#reportedAtMs = now;
    this.#report({
      status,
      progressDetail: { current, total },
      progress: progressText(current, total),
      id: this.#id,
    });
  }
}

/** `[=>      ]  42.5kB/2.025MB`, as Docker's daemon draws it. */
export function progressText(current: number, total: number): string {
  if (total <= 0) return humanSize(current).padStart(8);
  const percent = Math.min(100, Math.floor((current / total) * 100));
  const filled = Math.floor((percent / 100) * BAR_WIDTH);
  const bar =
    filled >= BAR_WIDTH
      ? `${'='.repeat(BAR_WIDTH)}>`
      : `${'='.repeat(filled)}>${' '.repeat(BAR_WIDTH - filled)}`;
  const sizes =
    current >= total
      ? humanSize(current).padStart(8)
      : `${humanSize(current).padStart(8)}/${humanSize(total)}`;
  return `[${bar}] ${sizes}`;
}

/** Four significant digits, powers of 1000 (go-units' HumanSize). */
function humanSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${Number(size.toPrecision(4))}${UNITS[unit]}`;
}
