/** States as a Dockerfile: the solver then does what it does with every other, and their cache is one. */
import { createHash } from 'node:crypto';
import { type Names, operationLines } from './dockerfile-lines.ts';
import type { LocalDirectory } from './origins.ts';
import { flagValue } from './quoting.ts';
import { filesOf, type Operation, State } from './state.ts';

export interface ProgramText {
  readonly text: string;
  /** Directories by the names that the text has for them. */
  readonly directories: ReadonlyMap<string, LocalDirectory>;
}

/** The Dockerfile of a state. @throws {EngineError} `invalid` for texts that no Dockerfile can hold */
export function dockerfileOf(state: State): ProgramText {
  const writer = new DockerfileWriter(state);
  writer.write();
  return { text: writer.text, directories: writer.directories };
}

class DockerfileWriter implements Names {
  readonly #result: State;
  /** What more than one state needs: each is a stage, and built once. */
  readonly #shared: ReadonlySet<State>;
  readonly #stages = new Map<State, string>();
  readonly #directories = new Map<string, LocalDirectory>();
  readonly #texts: string[] = [];

  constructor(result: State) {
    this.#result = result;
    this.#shared = sharedStates(result);
  }

  get text(): string {
    return this.#texts.join('\n');
  }

  get directories(): ReadonlyMap<string, LocalDirectory> {
    return this.#directories;
  }

  write(): void {
    this.stage(this.#result);
  }

  /** Written after what it needs: the result is the last. */
  stage(state: State): string {
    const known = this.#stages.get(state);
    if (known !== undefined) return known;
    const { start, operations } = this.#chain(state);
    const head = this.#from(start);
    const lines = operations.flatMap((operation, index) =>
      operationLines(operation, { names: this, before: operations.slice(0, index), start }),
    );
    const name = `stage${this.#stages.size}`;
    this.#stages.set(state, name);
    this.#texts.push(`${[`${head} AS ${name}`, ...lines].join('\n')}\n`);
    return name;
  }

  /** Equal directories have one name; it follows from the path, so that a client's directory is known again. */
  directory(source: LocalDirectory): string {
    const key = JSON.stringify([source.path, source.ignore]);
    const name = `files-${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;
    this.#directories.set(name, source);
    return name;
  }

  #from(start: State): string {
    const { origin } = start;
    if (origin.kind === 'scratch') return 'FROM scratch';
    if (origin.kind === 'state') return `FROM ${this.stage(start)}`;
    const platform = origin.platform === undefined ? '' : ` --platform=${flagValue(origin.platform)}`;
    return `FROM${platform} ${flagValue(origin.reference)}`;
  }

  /** The operations down to another stage, an image or an empty file system. */
  #chain(state: State): Chain {
    const operations: Operation[] = [];
    let at = state;
    while (at.origin.kind === 'state' && (at === state || !this.#shared.has(at))) {
      operations.push(at.origin.operation);
      at = at.origin.parent;
    }
    return { start: at, operations: operations.toReversed() };
  }
}

interface Chain {
  readonly start: State;
  readonly operations: readonly Operation[];
}

function sharedStates(result: State): ReadonlySet<State> {
  const seen = new Set<State>([result]);
  const shared = new Set<State>();
  for (const state of seen)
    for (const needed of neededBy(state)) {
      if (seen.has(needed) && needed.origin.kind === 'state') shared.add(needed);
      seen.add(needed);
    }
  return shared;
}

function neededBy({ origin }: State): readonly State[] {
  if (origin.kind !== 'state') return [];
  const files = filesOf(origin.operation).filter((file) => file instanceof State);
  return [origin.parent, ...files];
}
