/** The tree of a template. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if';
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | {
      readonly kind: 'with';
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | {
      readonly kind: 'range';
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  /** Another template, run with the pipeline's value as its dot; with nothing where there is none. */
  | {
      readonly kind: 'template';
      readonly name: string;
      readonly definitions: ReadonlyMap<string, readonly Node[]>;
      readonly pipeline: Pipeline | undefined;
    }
  | { readonly kind: 'break' }
  | { readonly kind: 'continue' };

/** Commands whose results are handed on, and the variables that take the last one. */
export interface Pipeline {
  readonly variables: readonly string[];
  /** `:=` makes new variables, `=` changes those that are there. */
  readonly declares: boolean;
  readonly commands: readonly Command[];
}

/** A function, method or value, and its arguments. */
export interface Command {
  readonly operands: readonly Operand[];
}

export type Operand =
  | { readonly kind: 'constant'; readonly value: string | number | boolean | null }
  | { readonly kind: 'dot' }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline }
  /** `base.Name`. */
  | { readonly kind: 'field'; readonly base: Operand; readonly name: string };
