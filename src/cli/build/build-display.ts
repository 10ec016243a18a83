import type { WireBuildEvent, WireBuildFailure, WireWarning } from '#wire/build-session.ts';
import type { Output } from '../output.ts';
import type { Style } from '../style.ts';

/** Shows a build while it happens, on one output. */
export interface BuildDisplay extends Disposable {
  show(event: WireBuildEvent, data: Buffer): void;
  /** The last picture; then what is wrong, if something is. */
  finish(failure?: WireBuildFailure): void;
  readonly warnings: readonly WireWarning[];
}

export const PROGRESS_MODES = ['auto', 'plain', 'tty', 'rawjson', 'quiet'] as const;
export type ProgressMode = (typeof PROGRESS_MODES)[number];

/** `auto`: for a terminal what moves, else lines. Only the one that is needed is loaded. */
export async function createBuildDisplay(
  mode: ProgressMode,
  output: Output,
  style: Style,
): Promise<BuildDisplay> {
  if (mode === 'rawjson') {
    const { RawJsonDisplay } = await import('./raw-json-display.ts');
    return new RawJsonDisplay(output);
  }
  if (mode === 'tty' || (mode === 'auto' && output.isTerminal && style.enabled)) {
    const { TtyDisplay } = await import('./tty-display.ts');
    return new TtyDisplay(output, style);
  }
  const { PlainDisplay } = await import('./plain-display.ts');
  return new PlainDisplay(mode === 'quiet' ? undefined : output, style);
}
