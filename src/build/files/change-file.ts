/** Makes and removes single files in a root that can be written to: BuildKit's FileOp but for its copies. */
import { unreachable } from '#base/unreachable.ts';
import { lchownSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { EngineError, messageOf } from '#base/errors.ts';
import { setTimes } from '#linux/files.ts';
import { inJail } from '#layer/jail.ts';
import { statOf } from '#layer/tree-walk.ts';
import type { MakeDirectoryAction, RemoveAction } from '../definition/file-action.ts';
import type { ChangeJob } from './file-jobs.ts';
import { followLinks } from '#layer/follow-links.ts';
import { hasWildcards } from '#oci/glob.ts';
import { SourceSelector } from './source-paths.ts';

const PERMISSIONS = 0o777;

/** @throws {EngineError} `invalid` for what the kernel refuses */
export function changeFile(job: ChangeJob): void {
  try {
    inJail(job.root, () => change(job));
  } catch (error) {
    throw refusal(error);
  }
}

/** In Go's words, as BuildKit says it. */
function refusal(error: unknown): unknown {
  const [, text, call, path] = /^E[A-Z]+: (.*), (\w+) '([^']*)'/.exec(messageOf(error)) ?? [];
  return text === undefined
    ? error
    : new EngineError('invalid', `${call} ${path}: ${text}`, { cause: error });
}

function change({ action, owner }: ChangeJob): void {
  if (action.kind === 'remove') return remove(action);
  const path = followLinks(posix.join('/', action.path));
  for (const made of make(path, action)) {
    if (owner) lchownSync(made, owner.uid, owner.gid);
    if (action.modifiedNs !== undefined) setTimes(made, action.modifiedNs, action.modifiedNs);
  }
}

/** @returns what was made, or written over */
function make(path: string, action: Exclude<ChangeJob['action'], RemoveAction>): readonly string[] {
  switch (action.kind) {
    case 'make-file':
      writeFileSync(path, action.data, { mode: action.mode & PERMISSIONS });
      return [path];
    case 'make-link':
      symlinkSync(action.target, path);
      return [path];
    case 'make-directory':
      return makeDirectory(path, action);
    default:
      return unreachable(action);
  }
}

function makeDirectory(path: string, { mode, withParents }: MakeDirectoryAction): readonly string[] {
  const missing: string[] = [];
  for (let at = path; !statOf(Buffer.from(at)); at = posix.dirname(at)) missing.unshift(at);
  const made = withParents ? missing : missing.filter((at) => at === path);
  for (const directory of made) mkdirSync(directory, { mode: mode & PERMISSIONS });
  return made.toReversed();
}

function remove({ path, isPattern, isOptional }: RemoveAction): void {
  const clean = posix.join('/', path);
  const selection = { ignore: [], paths: [clean], keepsLinks: true };
  const found =
    isPattern && hasWildcards(clean) ? new SourceSelector(selection).find().map(({ path }) => path) : [clean];
  for (const each of found) removeOne(each, isOptional);
}

function removeOne(path: string, isOptional: boolean): void {
  const name = posix.basename(path);
  if (name === '') throw new EngineError('invalid', 'rmPath: invalid empty path');
  const place = posix.join(followLinks(posix.dirname(path)), name);
  // A link that leads nowhere is nothing, as in BuildKit.
  if (!isOptional) statSync(place);
  rmSync(place, { recursive: true, force: true });
}
