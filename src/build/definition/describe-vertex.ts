import { unreachable } from '#base/unreachable.ts';
import type { CacheEntryFacts } from '../cache/build-cache.ts';
import type { OutputVertex } from './vertex.ts';
import type { FileAction } from './file-action.ts';
import type { Operation } from '../plan/plan.ts';
import { stateMounts } from './vertex-inputs.ts';

/** What a cache entry says of itself. @param parents keys of what the vertex stands on */
export function cacheFacts(vertex: Operation, parents: readonly string[]): CacheEntryFacts {
  const description = describeVertex(vertex);
  return { type: 'regular', description, parents };
}

export function describeVertex(vertex: Operation): string {
  switch (vertex.kind) {
    case 'exec':
      return `mount / from exec ${vertex.argv.join(' ')}`;
    case 'copy':
      return `copy files to ${vertex.destination}`;
    case 'output':
      return `mount ${targetOf(vertex)} from exec ${vertex.of.argv.join(' ')}`;
    case 'files':
      return vertex.actions.map(describeAction).join(', ');
    case 'merge':
    case 'diff':
      return vertex.kind;
    default:
      return unreachable(vertex);
  }
}

function targetOf({ of, number }: OutputVertex): string {
  return stateMounts(of.mounts).find((mount) => mount.number === number)?.target ?? '';
}

function describeAction(action: FileAction): string {
  switch (action.kind) {
    case 'copy':
      return `copy ${action.files.paths.join(' ')} ${action.destination}`;
    case 'make-file':
      return `mkfile ${action.path}`;
    case 'make-directory':
      return `mkdir ${action.path}`;
    case 'make-link':
      return `symlink ${action.path} -> ${action.target}`;
    case 'remove':
      return `rm ${action.path}`;
    default:
      return unreachable(action);
  }
}
