/** What operations of a graph do: from their messages to the builder's words. */
import type { GraphOperation, GraphWork } from '#build/graph/graph.ts';
import type { Op } from '#wire/buildkit/ops.ts';
import { platformFor } from '../platforms.ts';
import { decodeExec } from './decode-exec.ts';
import { decodeFileAction } from './decode-files.ts';
import { describeOperation } from './describe-operation.ts';
import { inputNumber } from './input-number.ts';

/** @throws {EngineError} `invalid` for words that have no meaning, `not-implemented` for what is not done here */
export function decodeOperation(op: Op): Pick<GraphOperation, 'work' | 'platform' | 'describe'> {
  const platform = op.platform && platformFor(op.platform);
  return { work: decodeWork(op), ...(platform && { platform }), describe: () => describeOperation(op) };
}

function decodeWork({ exec, source, file, build, merge, diff }: Op): GraphWork {
  if (source) return { kind: 'source', identifier: source.identifier, attributes: source.attrs };
  if (exec) return decodeExec(exec);
  if (file) return { kind: 'files', actions: file.actions.map(decodeFileAction) };
  if (merge) return { kind: 'merge', inputs: merge.inputs.map(({ input }) => inputNumber(input)) };
  if (diff) {
    const { lower, upper } = diff;
    return { kind: 'diff', lower: inputNumber(lower?.input), upper: inputNumber(upper?.input) };
  }
  return { kind: build ? 'nested' : 'unknown' };
}
