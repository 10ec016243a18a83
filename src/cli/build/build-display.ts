import type { WireBuildEvent, WireBuildFailure, WireWarning } from '#wire/build-session.ts';
import type { Output } from '../output.ts';
import type { Style } from '../style.ts';
import { PlainDisplay } from './plain-display.ts';
import { RawJsonDisplay } from './raw-json-display.ts';
import { TtyDisplay } from './tty-display.ts';

/** Shows a build while it happens, on one output. */
export interface BuildDisplay extends Disposable {
  show(event: WireBuildEvent, data: Buffer): void;
  /** The last picture; then what is wrong, if something is. */
  finish(failure?: WireBuildFailure): void;
  readonly warnings: readonly WireWarning[];
}

export const PROGRESS_MODES = ['auto', 'plain', 'tty', 'rawjson', 'quiet'] as const;
export type ProgressMode = (typeof PROGRESS_MODES)[number];

/** `auto`: for a terminal what moves, else lines. */
export function createBuildDisplay(mode: ProgressMode, output: Output, style: Style): BuildDisplay {
  if (mode === 'rawjson') return new RawJsonDisplay(output);
  if (mode === 'tty' || (mode === 'auto' && output.isTerminal && style.enabled))
    return new TtyDisplay(output, style);
  return new PlainDisplay(mode === 'quiet' ? undefined : output, style);
}
