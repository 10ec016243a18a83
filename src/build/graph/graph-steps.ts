/** A client's graph as provenance tells it: its operations as they were given. */
import type { BuildStep } from '../attest/build-definition.ts';
import type { Graph } from './graph.ts';

/** What others stand on comes first; the last is the result. */
export function graphSteps({ operations, result }: Graph): readonly BuildStep[] {
  const ids = new Map(operations.map((operation, index) => [operation, `step${index}`] as const));
  const output = ({ operation, index }: NonNullable<typeof result>) => `${ids.get(operation)}:${index}`;
  const steps = operations.map((operation): BuildStep => {
    const { inputs } = operation;
    return {
      id: ids.get(operation) ?? '',
      op: operation.describe(),
      ...(inputs.length > 0 && { inputs: inputs.map(output) }),
    };
  });
  const last = result ? { inputs: [output(result)] } : {};
  return [...steps, { id: `step${steps.length}`, op: { Op: null }, ...last }];
}
