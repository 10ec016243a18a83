import type { Command, Node, Operand, Pipeline } from './ast.ts';
import { functions, type TemplateFunction } from './functions.ts';
import { isMapField, isOptionalField, missingField, show } from './show.ts';
import { TemplateError } from './template-error.ts';
import { isList, isMap, isTrue, Missing, Row, type Value } from './value.ts';

/** Runs a parsed template over `data`. @throws {TemplateError} if it asks for what is not there */
export function evaluate(
  nodes: readonly Node[],
  data: Value,
  overrides: Readonly<Record<string, TemplateFunction>> = {},
): string {
  const evaluator = new Evaluator(overrides);
  evaluator.list(nodes, data, new Scope(undefined, new Map([['$', data]])));
  return evaluator.output;
}

class Scope {
  readonly #outer: Scope | undefined;
  readonly #values: Map<string, Value>;

  constructor(outer: Scope | undefined, values = new Map<string, Value>()) {
    this.#outer = outer;
    this.#values = values;
  }

  get(name: string): Value {
    if (this.#values.has(name)) return this.#values.get(name);
    if (!this.#outer) throw new TemplateError(`undefined variable ${name}`);
    return this.#outer.get(name);
  }

  declare(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  assign(name: string, value: Value): void {
    if (this.#values.has(name)) this.#values.set(name, value);
    else if (this.#outer) this.#outer.assign(name, value);
    else throw new TemplateError(`undefined variable ${name}`);
  }
}

/** How a list of nodes ended. */
type Flow = 'next' | 'break' | 'continue';

/** Templates within each other; one that runs itself ends here. */
const MOST_TEMPLATES = 500;

class Evaluator {
  output = '';
  #depth = 0;
  readonly #overrides: Readonly<Record<string, TemplateFunction>>;

  constructor(overrides: Readonly<Record<string, TemplateFunction>>) {
    this.#overrides = overrides;
  }

  list(nodes: readonly Node[], dot: Value, scope: Scope): Flow {
    for (const node of nodes) {
      const flow = this.#node(node, dot, scope);
      if (flow !== 'next') return flow;
    }
    return 'next';
  }

  #node(node: Node, dot: Value, scope: Scope): Flow {
    switch (node.kind) {
      case 'text':
        this.output += node.text;
        return 'next';
      case 'action':
        return this.#action(node.pipeline, dot, scope);
      case 'if': {
        const inner = new Scope(scope);
        return this.list(
          isTrue(this.#pipeline(node.pipeline, dot, inner)) ? node.body : node.otherwise,
          dot,
          inner,
        );
      }
      case 'with': {
        const inner = new Scope(scope);
        const value = this.#pipeline(node.pipeline, dot, inner);
        return isTrue(value) ? this.list(node.body, value, inner) : this.list(node.otherwise, dot, inner);
      }
      case 'range':
        return this.#range(node, dot, new Scope(scope));
      case 'template':
        return this.#template(node, dot, scope);
      case 'break':
      case 'continue':
        return node.kind;
    }
  }

  #template(node: Extract<Node, { kind: 'template' }>, dot: Value, scope: Scope): Flow {
    const nodes = node.definitions.get(node.name);
    if (!nodes) throw new TemplateError(`template "${node.name}" is not defined`);
    const value = node.pipeline ? this.#pipeline(node.pipeline, dot, scope) : null;
    if (this.#depth === MOST_TEMPLATES) throw new TemplateError('exceeded maximum template depth');
    this.#depth++;
    this.list(nodes, value, new Scope(undefined, new Map([['$', value]])));
    this.#depth--;
    return 'next';
  }

  #action(pipeline: Pipeline, dot: Value, scope: Scope): Flow {
    const value = this.#pipeline(pipeline, dot, scope);
    if (pipeline.variables.length === 0) this.output += show(value, fieldOf(pipeline));
    return 'next';
  }

  #range(node: Extract<Node, { kind: 'range' }>, dot: Value, scope: Scope): Flow {
    const { pipeline } = node;
    const entries = entriesOf(this.#commands(pipeline, dot, scope));
    if (entries.length === 0) return this.list(node.otherwise, dot, scope);
    const [first, second] = pipeline.variables;
    for (const [key, value] of entries) {
      const inner = new Scope(scope);
      if (second !== undefined) inner.declare(second, value);
      if (first !== undefined) inner.declare(first, second === undefined ? value : key);
      if (this.list(node.body, value, inner) === 'break') break;
    }
    return 'next';
  }

  #pipeline(pipeline: Pipeline, dot: Value, scope: Scope): Value {
    const value = this.#commands(pipeline, dot, scope);
    for (const name of pipeline.variables) {
      if (pipeline.declares) scope.declare(name, value);
      else scope.assign(name, value);
    }
    return value;
  }

  #commands(pipeline: Pipeline, dot: Value, scope: Scope): Value {
    let piped: readonly Value[] = [];
    for (const command of pipeline.commands) piped = [this.#command(command, piped, dot, scope)];
    return piped[0];
  }

  #command(command: Command, piped: readonly Value[], dot: Value, scope: Scope): Value {
    const [first, ...rest] = command.operands;
    if (!first) throw new TemplateError('missing value for command');
    if (first.kind === 'function') return this.#call(first.name, { operands: rest, piped }, dot, scope);
    if (rest.length + piped.length === 0) return this.#operand(first, dot, scope);
    const values = [...rest.map((operand) => this.#operand(operand, dot, scope)), ...piped];
    return this.#method(first, values, dot, scope);
  }

  #call(name: string, given: Arguments, dot: Value, scope: Scope): Value {
    if (name === 'and' || name === 'or') return this.#shortCircuit(name, given, dot, scope);
    const known = this.#overrides[name] ?? functions[name];
    if (!known) throw new TemplateError(`function ${JSON.stringify(name)} not defined`);
    return known(...given.operands.map((operand) => this.#operand(operand, dot, scope)), ...given.piped);
  }

  #shortCircuit(name: 'and' | 'or', { operands, piped }: Arguments, dot: Value, scope: Scope): Value {
    let last: Value;
    for (const operand of operands) {
      last = this.#operand(operand, dot, scope);
      if (isTrue(last) === (name === 'or')) return last;
    }
    return piped.length === 0 ? last : piped[0];
  }

  #method(operand: Operand, values: readonly Value[], dot: Value, scope: Scope): Value {
    const base = operand.kind === 'field' ? this.#operand(operand.base, dot, scope) : undefined;
    const method = operand.kind === 'field' && base instanceof Row ? base.methods[operand.name] : undefined;
    if (!method) throw new TemplateError("can't give argument to a value that is not a function");
    return method(show(values[0]));
  }

  #operand(operand: Operand, dot: Value, scope: Scope): Value {
    switch (operand.kind) {
      case 'constant':
        return operand.value;
      case 'dot':
        return dot;
      case 'variable':
        return scope.get(operand.name);
      case 'function':
        return this.#call(operand.name, NO_ARGUMENTS, dot, scope);
      case 'pipeline':
        return this.#pipeline(operand.pipeline, dot, scope);
      case 'field':
        return fieldValue(this.#operand(operand.base, dot, scope), operand);
    }
  }
}

/** What a function is called with. */
interface Arguments {
  readonly operands: readonly Operand[];
  /** What the command before it in the pipeline gave, which comes last. */
  readonly piped: readonly Value[];
}

const NO_ARGUMENTS: Arguments = { operands: [], piped: [] };

/**
 * Fields whose names in JSON differ from those of Go's types, which is what people write: `{{.Server.APIVersion}}` of
 * `version`, `{{.Status}}` of `events`, `{{.CPUCfsQuota}}` of `info`.
 */
const GO_NAMES: Readonly<Record<string, readonly string[]>> = {
  APIVersion: ['ApiVersion'],
  CPUCfsPeriod: ['CpuCfsPeriod'],
  CPUCfsQuota: ['CpuCfsQuota'],
  From: ['from'],
  ID: ['Id', 'id'],
  Scope: ['scope'],
  Status: ['status'],
  Time: ['time'],
  TimeNano: ['timeNano'],
};

/** What an event leaves out where it is empty. */
const EVENT_MAY_LACK = new Set(['Status', 'ID', 'From']);

function fieldValue(base: Value, { base: holder, name }: Extract<Operand, { kind: 'field' }>): Value {
  if (base instanceof Missing) throw missingField(base);
  if (base instanceof Row) return rowField(base, name);
  if (isMap(base)) {
    if (Object.hasOwn(base, name)) return base[name];
    const inJson = GO_NAMES[name]?.find((each) => Object.hasOwn(base, each));
    if (inJson !== undefined) return base[inJson];
    if (EVENT_MAY_LACK.has(name) && Object.hasOwn(base, 'timeNano')) return '';
    if (isOptionalField(name)) return null;
    return holder.kind === 'field' && isMapField(holder.name)
      ? undefined
      : new Missing(name, Object.keys(base));
  }
  throw new TemplateError(`can't evaluate field ${name} in ${base === null ? 'nothing' : show(base)}`);
}

function rowField(row: Row, name: string): Value {
  const field = row.fields[name];
  return field ? field() : new Missing(name, Object.keys(row.fields));
}

/** The name of the field that a pipeline shows as it is, which tells how to write maps. */
function fieldOf({ commands: [command, ...more] }: Pipeline): string | undefined {
  const operand = command?.operands[0];
  return more.length === 0 && operand?.kind === 'field' ? operand.name : undefined;
}

function entriesOf(value: Value): readonly (readonly [Value, Value])[] {
  if (isList(value)) return value.map((each, index) => [index, each]);
  if (isMap(value)) {
    return Object.keys(value)
      .toSorted()
      .map((key) => [key, value[key]]);
  }
  if (typeof value === 'number') return Array.from({ length: value }, (_, index) => [index, index]);
  if (value === null || value === undefined || value instanceof Missing) return [];
  throw new TemplateError("range can't iterate over this");
}
