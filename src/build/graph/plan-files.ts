/** Changes to files in graphs as vertices. */
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { unreachable } from '#base/unreachable.ts';
import type { FileSource, FilesVertex, Vertex } from '../definition/vertex.ts';
import type { ActionOwner, FileAction } from '../definition/file-action.ts';
import { escapeWildcards } from '#oci/glob.ts';
import type {
  GraphAccount,
  GraphCopy,
  GraphFileAction,
  GraphFileChange,
  GraphOwner,
  InputNumber,
} from './graph.ts';

export interface FilesPlace {
  /** How many inputs there are: numbers from there on mean actions. */
  readonly inputs: number;
  /** Inputs by their numbers. @throws {EngineError} `invalid` for one that is not there */
  readonly vertex: (input: InputNumber) => Vertex;
  readonly files: (input: InputNumber) => FileSource;
}

/** What the actions lead to, by the numbers of outputs. @throws {EngineError} `invalid` for what cannot be */
export function planFileActions(
  actions: readonly GraphFileAction[],
  place: FilesPlace,
): ReadonlyMap<number, Vertex> {
  const planner = new FilesPlanner(place);
  for (const action of actions) planner.add(action);
  const outputs = actions.flatMap(({ output }, index) =>
    output === undefined ? [] : [[output, shortest(planner.made(index))] as const],
  );
  return new Map(outputs);
}

/** As a copy where a COPY can do it: both then share the cache. */
function shortest(vertex: FilesVertex): Vertex {
  const { parent, actions } = vertex;
  const [action] = actions;
  if (actions.length !== 1 || action?.kind !== 'copy') return vertex;
  const { files, destination, mode, owner, modifiedNs } = action;
  const { keepsDirectories, replaces, needsParent, needsMatch } = action;
  const isPlain = !keepsDirectories && !replaces && !needsParent && !needsMatch && modifiedNs === undefined;
  const ownerIsHere = owner?.in === undefined || owner.in === parent;
  if (!isPlain || files.include || files.keepsLinks || !ownerIsHere) return vertex;
  return {
    kind: 'copy',
    parent,
    files: [files],
    destination,
    ...(mode !== undefined && { mode }),
    ...(owner && { owner: owner.text }),
  };
}

class FilesPlanner {
  readonly #place: FilesPlace;
  /** After each action, with those that led to it. */
  readonly #made: FilesVertex[] = [];

  constructor(place: FilesPlace) {
    this.#place = place;
  }

  made(index: number): FilesVertex {
    const made = this.#made[index];
    if (!made) throw refusal(`it reads what action ${index} makes before that is made`);
    return made;
  }

  add({ input, change }: GraphFileAction): void {
    const before = this.#vertex(input);
    const action = this.#action(change);
    const isAction = input !== undefined && input >= this.#place.inputs && before.kind === 'files';
    this.#made.push(
      isAction
        ? { ...before, actions: [...before.actions, action] }
        : { kind: 'files', parent: before, actions: [action] },
    );
  }

  #vertex(input: InputNumber): Vertex {
    const { inputs, vertex } = this.#place;
    return input === undefined || input < inputs ? vertex(input) : this.made(input - inputs);
  }

  #files(input: InputNumber): FileSource {
    const { inputs, files } = this.#place;
    return input === undefined || input < inputs ? files(input) : this.#vertex(input);
  }

  #action(change: GraphFileChange): FileAction {
    switch (change.kind) {
      case 'copy':
        return this.#copy(change);
      case 'make-file': {
        const { kind, path, mode, data } = change;
        return { kind, path, mode, data, ...this.#madeBy(change) };
      }
      case 'make-directory': {
        const { kind, path, mode, withParents } = change;
        return { kind, path, mode, withParents, ...this.#madeBy(change) };
      }
      case 'make-link': {
        const { kind, path, target } = change;
        return { kind, path, target, ...this.#madeBy(change) };
      }
      case 'remove':
        return change;
      default:
        return unreachable(change);
    }
  }

  #copy(copy: GraphCopy): FileAction {
    const { mode, include, exclude } = copy;
    const path = posix.join('/', copy.source);
    return {
      kind: 'copy',
      files: {
        source: this.#files(copy.from),
        paths: [copy.isPattern ? path : escapeWildcards(path)],
        ...(include.length > 0 && { include }),
        ...(exclude.length > 0 && { exclude }),
        ...(!copy.followsLinks && { keepsLinks: true }),
        ...(copy.unpack && { unpack: true }),
      },
      destination: destinationOf(copy.destination),
      ...(mode !== undefined && { mode: typeof mode === 'number' ? mode & 0o7777 : mode }),
      keepsDirectories: !copy.copiesContents,
      replaces: copy.replaces,
      needsParent: !copy.makesParents,
      needsMatch: copy.isPattern && !copy.mayMatchNothing,
      ...this.#madeBy(copy),
    };
  }

  #madeBy({ owner, modifiedNs }: Pick<GraphCopy, 'owner' | 'modifiedNs'>) {
    const known = owner && this.#owner(owner);
    return { ...(known && { owner: known }), ...(modifiedNs !== undefined && { modifiedNs }) };
  }

  #owner({ user, group }: GraphOwner): ActionOwner | undefined {
    if (!user && !group) return undefined;
    const text = [user ?? { id: 0 }, ...(group ? [group] : [])].map(accountText).join(':');
    const input = inputOf(user) ?? inputOf(group);
    // What the operation itself makes is what is being changed.
    const isInput = input !== undefined && input < this.#place.inputs;
    return { text, ...(isInput && { in: this.#place.vertex(input) }) };
  }
}

function accountText(account: GraphAccount): string {
  return 'name' in account ? account.name : String(account.id);
}

function inputOf(account: GraphAccount | undefined): InputNumber {
  return account && 'name' in account ? account.input : undefined;
}

/** A slash or dot at the end says that it is a directory. */
function destinationOf(dest: string): string {
  const path = posix.join('/', dest).replace(/(?<=.)\/$/, '');
  return /(?:^|\/)\.?$/.test(dest) && path !== '/' ? `${path}/` : path;
}

function refusal(why: string): EngineError {
  return new EngineError('invalid', `Cannot change files of a graph: ${why}`);
}
