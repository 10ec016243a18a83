/** Changes to files in graphs as vertices. */
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import {
  type CopyAction,
  type FileAction as ActionMessage,
  NONE,
  type OwnerMessage,
} from '#wire/buildkit/ops.ts';
import type { FileSource, FilesVertex, Vertex } from '../definition/vertex.ts';
import type { ActionOwner, FileAction } from '../definition/file-action.ts';
import { escapeWildcards } from '../files/glob.ts';

export interface FilesPlace {
  /** How many inputs there are: numbers from there on mean actions. */
  readonly inputs: number;
  /** Inputs by their numbers; nothing where there is none. @throws {EngineError} `invalid` */
  readonly vertex: (input: number) => Vertex;
  readonly files: (input: number) => FileSource;
}

/** What the actions lead to, by the numbers of outputs. @throws {EngineError} `invalid` for what cannot be */
export function planFileActions(
  messages: readonly ActionMessage[],
  place: FilesPlace,
): ReadonlyMap<number, Vertex> {
  const planner = new FilesPlanner(place);
  for (const message of messages) planner.add(message);
  const outputs = messages.flatMap(({ output }, index) =>
    output === NONE ? [] : [[output, shortest(planner.made(index))] as const],
  );
  return new Map(outputs);
}

/** What a COPY can do is one, and shares the cache with it. */
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

  add(message: ActionMessage): void {
    const before = this.#vertex(message.input);
    const action = this.#action(message);
    const isAction = message.input >= this.#place.inputs && before.kind === 'files';
    this.#made.push(
      isAction
        ? { ...before, actions: [...before.actions, action] }
        : { kind: 'files', parent: before, actions: [action] },
    );
  }

  #vertex(input: number): Vertex {
    return input < this.#place.inputs ? this.#place.vertex(input) : this.made(input - this.#place.inputs);
  }

  #files(input: number): FileSource {
    return input < this.#place.inputs ? this.#place.files(input) : this.#vertex(input);
  }

  #action({ copy, mkfile, mkdir, rm, symlink, secondaryInput }: ActionMessage): FileAction {
    if (copy) return this.#copy(copy, secondaryInput);
    if (mkfile) {
      const { path, mode, data } = mkfile;
      return { kind: 'make-file', path, mode, data, ...this.#madeBy(mkfile) };
    }
    if (mkdir) {
      const { path, mode, makeParents: withParents } = mkdir;
      return { kind: 'make-directory', path, mode, withParents, ...this.#madeBy(mkdir) };
    }
    if (symlink) {
      const { newpath: path, oldpath: target } = symlink;
      return { kind: 'make-link', path, target, ...this.#madeBy(symlink) };
    }
    if (!rm) throw refusal('one of its actions is not known');
    return { kind: 'remove', path: rm.path, isPattern: rm.allowWildcard, isOptional: rm.allowNotFound };
  }

  #copy(copy: CopyAction, input: number): FileAction {
    const { src, dest, modeStr, mode, requiredPaths, includePatterns, excludePatterns } = copy;
    if (requiredPaths.length > 0)
      throw new EngineError('not-implemented', 'Cannot copy files: required paths are not known here');
    const path = posix.join('/', src);
    return {
      kind: 'copy',
      files: {
        source: this.#files(input),
        paths: [copy.allowWildcard ? path : escapeWildcards(path)],
        ...(includePatterns.length > 0 && { include: includePatterns }),
        ...(excludePatterns.length > 0 && { exclude: excludePatterns }),
        ...(!copy.followSymlink && { keepsLinks: true }),
        ...(copy.attemptUnpack && { unpack: true }),
      },
      destination: destinationOf(dest),
      ...(modeStr !== '' ? { mode: modeStr } : mode !== NONE && { mode: mode & 0o7777 }),
      keepsDirectories: !copy.dirCopyContents,
      replaces: copy.alwaysReplaceExistingDestPaths,
      needsParent: !copy.createDestPath,
      needsMatch: copy.allowWildcard && !copy.allowEmptyWildcard,
      ...this.#madeBy(copy),
    };
  }

  #madeBy({ owner, timestamp }: { readonly owner: OwnerMessage | undefined; readonly timestamp: bigint }) {
    const known = owner && this.#owner(owner);
    return {
      ...(known && { owner: known }),
      ...(timestamp !== BigInt(NONE) && { modifiedNs: timestamp }),
    };
  }

  /** As in BuildKit, a group alone is root's. */
  #owner({ user, group }: OwnerMessage): ActionOwner | undefined {
    if (!user && !group) return undefined;
    const text = [user ?? { byName: undefined, byID: 0 }, ...(group ? [group] : [])]
      .map(({ byName, byID }) => byName?.name ?? String(byID))
      .join(':');
    const input = user?.byName?.input ?? group?.byName?.input ?? NONE;
    // What the operation itself makes is what is being changed.
    const isInput = input !== NONE && input < this.#place.inputs;
    return { text, ...(isInput && { in: this.#place.vertex(input) }) };
  }
}

/** A slash or dot at the end says that it is a directory. */
function destinationOf(dest: string): string {
  const path = posix.join('/', dest).replace(/(?<=.)\/$/, '');
  return /(?:^|\/)\.?$/.test(dest) && path !== '/' ? `${path}/` : path;
}

function refusal(why: string): EngineError {
  return new EngineError('invalid', `Cannot change files of a graph: ${why}`);
}
