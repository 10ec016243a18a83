/** Builds as values: a state is a file system with a configuration, and what leads to it. */
import type { HealthcheckOptions } from './healthcheck.ts';
import type { Mount } from './mounts.ts';
import type { FileOrigin, RootOrigin } from './origins.ts';

/** How a command runs. */
export interface RunOptions {
  /** What is there only while it runs. */
  readonly mounts?: readonly Mount[];
  /** Default: the build's. */
  readonly network?: 'default' | 'none' | 'host';
  /** `insecure` gives it everything; the build has to allow it. */
  readonly security?: 'sandbox' | 'insecure';
}

export interface CopyOptions {
  /** A directory of this machine, another state, an image, a URL or a repository. */
  readonly from: FileOrigin;
  /** Patterns of Go's filepath.Match. Default: everything. */
  readonly paths?: string | readonly string[];
  /** A slash at the end says that it is a directory. Default: the working directory. */
  readonly to?: string;
  /** `user[:group]`, by name or number. Default: root, or what another state says. */
  readonly owner?: string;
  /** `0755`, or changes such as `u=rwX,go-w`. */
  readonly mode?: string;
  /** Patterns of an ignore file, relative to each path. */
  readonly exclude?: readonly string[];
  /** Copies the directories on the way to each path, too. */
  readonly parents?: boolean;
  /** As if there were nothing below: what lies below may change without this being done again. */
  readonly link?: boolean;
}

export type Step = (state: State) => State;

export type Operation =
  | { readonly kind: 'run'; readonly command: string | readonly string[]; readonly options: RunOptions }
  | { readonly kind: 'copy'; readonly options: CopyOptions }
  | { readonly kind: 'env' | 'label'; readonly values: Readonly<Record<string, string>> }
  | { readonly kind: 'workdir' | 'user' | 'stopSignal'; readonly value: string }
  | { readonly kind: 'entrypoint' | 'cmd'; readonly command: string | readonly string[] }
  | { readonly kind: 'expose' | 'volume' | 'shell'; readonly values: readonly string[] }
  | {
      readonly kind: 'healthcheck';
      readonly command: string | readonly string[];
      readonly options: HealthcheckOptions;
    };

/** Where an operation takes files from. */
export function filesOf(operation: Operation): readonly FileOrigin[] {
  if (operation.kind === 'copy') return [operation.options.from];
  if (operation.kind !== 'run') return [];
  return (operation.options.mounts ?? []).flatMap((mount) => (mount.kind === 'bind' ? [mount.from] : []));
}

/** Where a state comes from: an image, nothing, or one operation on another state. */
export type Origin =
  | RootOrigin
  | { readonly kind: 'state'; readonly parent: State; readonly operation: Operation };

/**
 * Immutable: every method answers a new state, so that states can be kept, branched and handed on. Nothing happens
 * before {@link build}; equal states are built once, and what a Dockerfile has built already is not built again.
 */
export class State {
  readonly origin: Origin;

  constructor(origin: Origin) {
    this.origin = origin;
  }

  /** A text runs in the shell (`/bin/sh -c`, or what {@link shell} says); a list is what is executed. */
  run(command: string | readonly string[], options: RunOptions = {}): State {
    return this.#with({ kind: 'run', command, options });
  }

  copy(options: CopyOptions): State {
    return this.#with({ kind: 'copy', options });
  }

  env(values: Readonly<Record<string, string>>): State {
    return this.#with({ kind: 'env', values });
  }

  /** Made where it is missing. A relative one is relative to the one before. */
  workdir(value: string): State {
    return this.#with({ kind: 'workdir', value });
  }

  /** `user[:group]` of what follows, and of containers. */
  user(value: string): State {
    return this.#with({ kind: 'user', value });
  }

  entrypoint(command: string | readonly string[]): State {
    return this.#with({ kind: 'entrypoint', command });
  }

  cmd(command: string | readonly string[]): State {
    return this.#with({ kind: 'cmd', command });
  }

  label(values: Readonly<Record<string, string>>): State {
    return this.#with({ kind: 'label', values });
  }

  /** `80`, `'53/udp'`, `'8000-8010'`. */
  expose(...ports: readonly (number | string)[]): State {
    return this.#with({ kind: 'expose', values: ports.map(String) });
  }

  volume(...paths: readonly string[]): State {
    return this.#with({ kind: 'volume', values: paths });
  }

  /** Runs the commands that are texts. */
  shell(...argv: readonly string[]): State {
    return this.#with({ kind: 'shell', values: argv });
  }

  /** A name such as `SIGTERM`, or a number. */
  stopSignal(signal: string): State {
    return this.#with({ kind: 'stopSignal', value: signal });
  }

  /** An empty list takes an inherited one back. */
  healthcheck(command: string | readonly string[], options: HealthcheckOptions = {}): State {
    return this.#with({ kind: 'healthcheck', command, options });
  }

  /** Applies steps in their order: `state.with(...packages.map(install))`. */
  with(...steps: readonly Step[]): State {
    return steps.reduce<State>((state, step) => step(state), this);
  }

  /**
   * The files of other states on top of these, the last on top; the configuration stays. The states are built at the
   * same time: most often they begin with `scratch()`, or are what a branch has made.
   */
  merge(...states: readonly State[]): State {
    return states.reduce<State>(
      (merged, from) => merged.copy({ from, paths: '/', to: '/', link: true }),
      this,
    );
  }

  #with(operation: Operation): State {
    return new State({ kind: 'state', parent: this, operation });
  }
}
