import type { InputNumber } from '#build/graph/graph.ts';
import { NONE } from '#wire/buildkit/ops.ts';

/** A number of an input or output as the builder has it. */
export function inputNumber(number: number = NONE): InputNumber {
  return number === NONE ? undefined : number;
}
