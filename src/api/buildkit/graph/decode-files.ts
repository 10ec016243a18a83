import { EngineError } from '#base/errors.ts';
import type {
  GraphAccount,
  GraphCopy,
  GraphFileAction,
  GraphFileChange,
  GraphOwner,
} from '#build/graph/graph.ts';
import { type CopyAction, type FileAction, NONE, type OwnerMessage } from '#wire/buildkit/ops.ts';
import { inputNumber } from './input-number.ts';

/** @throws {EngineError} `invalid` for an action that is not known, `not-implemented` for paths that must be there */
export function decodeFileAction(action: FileAction): GraphFileAction {
  const { input, output } = action;
  return { input: inputNumber(input), output: inputNumber(output), change: decodeChange(action) };
}

function decodeChange({ copy, mkfile, mkdir, rm, symlink, secondaryInput }: FileAction): GraphFileChange {
  if (copy) return decodeCopy(copy, secondaryInput);
  if (mkfile) {
    const { path, mode, data } = mkfile;
    return { kind: 'make-file', path, mode, data, ...madeBy(mkfile) };
  }
  if (mkdir) {
    const { path, mode, makeParents: withParents } = mkdir;
    return { kind: 'make-directory', path, mode, withParents, ...madeBy(mkdir) };
  }
  if (symlink) {
    const { newpath: path, oldpath: target } = symlink;
    return { kind: 'make-link', path, target, ...madeBy(symlink) };
  }
  if (rm) return { kind: 'remove', path: rm.path, isPattern: rm.allowWildcard, isOptional: rm.allowNotFound };
  throw new EngineError('invalid', 'Cannot change files of a graph: one of its actions is not known');
}

function decodeCopy(copy: CopyAction, input: number): GraphCopy {
  if (copy.requiredPaths.length > 0)
    throw new EngineError('not-implemented', 'Cannot copy files: required paths are not known here');
  const { mode, modeStr } = copy;
  return {
    kind: 'copy',
    from: inputNumber(input),
    source: copy.src,
    destination: copy.dest,
    ...(modeStr !== '' ? { mode: modeStr } : mode !== NONE && { mode }),
    include: copy.includePatterns,
    exclude: copy.excludePatterns,
    isPattern: copy.allowWildcard,
    mayMatchNothing: copy.allowEmptyWildcard,
    followsLinks: copy.followSymlink,
    copiesContents: copy.dirCopyContents,
    makesParents: copy.createDestPath,
    unpack: copy.attemptUnpack,
    replaces: copy.alwaysReplaceExistingDestPaths,
    ...madeBy(copy),
  };
}

function madeBy({
  owner,
  timestamp,
}: {
  readonly owner: OwnerMessage | undefined;
  readonly timestamp: bigint;
}) {
  return {
    ...(owner && { owner: decodeOwner(owner) }),
    ...(timestamp !== BigInt(NONE) && { modifiedNs: timestamp }),
  };
}

function decodeOwner({ user, group }: OwnerMessage): GraphOwner {
  return { ...(user && { user: decodeAccount(user) }), ...(group && { group: decodeAccount(group) }) };
}

function decodeAccount({ byName, byID: id }: NonNullable<OwnerMessage['user']>): GraphAccount {
  return byName ? { name: byName.name, input: inputNumber(byName.input) } : { id };
}
