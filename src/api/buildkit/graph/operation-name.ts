/** What progress displays call operations that have no name of their own: BuildKit's words. */
import { type FileAction, NONE, type Op } from '#wire/buildkit/ops.ts';
import type { GraphOutput } from '#build/graph/graph.ts';

export function operationName(
  { source, exec, file, build, merge, diff }: Op,
  inputs: readonly GraphOutput[],
): string {
  const nameOf = (input = NONE) => inputs[input]?.operation.name;
  if (source) return source.identifier;
  if (exec) return exec.meta?.args.join(' ') ?? '';
  if (file) return file.actions.flatMap(actionName).join(', ');
  if (build) return 'build';
  if (merge) return `merge (${inputs.map(({ operation }) => operation.name).join(', ')})`;
  if (!diff) return 'unknown';
  const [lower, upper] = [nameOf(diff.lower?.input), nameOf(diff.upper?.input)].map((name) =>
    name === undefined ? 'scratch' : `(${name})`,
  );
  return `diff ${lower} -> ${upper}`;
}

function actionName({ copy, mkfile, mkdir, rm, symlink }: FileAction): readonly string[] {
  if (copy) return [`copy ${copy.src} ${copy.dest}`];
  if (mkfile) return [`mkfile ${mkfile.path}`];
  if (mkdir) return [`mkdir ${mkdir.path}`];
  if (symlink) return [`symlink ${symlink.newpath} -> ${symlink.oldpath}`];
  return rm ? [`rm ${rm.path}`] : [];
}
