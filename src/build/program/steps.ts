/** Operations as values, to be kept in lists and applied with `State.with`. */
import type { CopyOptions, RunOptions, Step } from './state.ts';

/** See `State.run`. */
export function run(command: string | readonly string[], options: RunOptions = {}): Step {
  return (state) => state.run(command, options);
}

/** See `State.copy`. */
export function copy(options: CopyOptions): Step {
  return (state) => state.copy(options);
}

/** See `State.env`. */
export function env(values: Readonly<Record<string, string>>): Step {
  return (state) => state.env(values);
}

/** See `State.workdir`. */
export function workdir(path: string): Step {
  return (state) => state.workdir(path);
}

/** See `State.user`. */
export function user(name: string): Step {
  return (state) => state.user(name);
}

/** See `State.label`. */
export function label(values: Readonly<Record<string, string>>): Step {
  return (state) => state.label(values);
}
