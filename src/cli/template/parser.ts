import type { Command, Node, Operand, Pipeline } from './ast.ts';
import { type Token, tokenize } from './lexer.ts';
import { TemplateError } from './template-error.ts';

/** @throws {TemplateError} if `source` is not a template */
export function parseTemplate(source: string): readonly Node[] {
  return new TemplateParser(tokenize(source)).parse();
}

const CONSTANTS: Readonly<Record<string, boolean | null>> = { true: true, false: false, nil: null };

class TemplateParser {
  readonly #tokens: readonly Token[];
  /** Templates by name: all that the text defines, whichever comes first. */
  readonly #definitions = new Map<string, readonly Node[]>();
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): readonly Node[] {
    const { nodes, ended } = this.#list();
    if (ended !== undefined) throw new TemplateError(`unexpected {{${ended}}}`);
    return nodes;
  }

  /** Nodes up to the end, or to an `end` or `else` (which is taken). */
  #list(): { readonly nodes: readonly Node[]; readonly ended: 'end' | 'else' | undefined } {
    const nodes: Node[] = [];
    for (let token = this.#next(); token; token = this.#next()) {
      if (token.kind === 'text') nodes.push({ kind: 'text', text: token.text });
      else {
        const word = this.#takeWord('end', 'else');
        if (word === 'end') this.#close();
        if (word === 'end' || word === 'else') return { nodes, ended: word };
        nodes.push(this.#action());
      }
    }
    return { nodes, ended: undefined };
  }

  #action(): Node {
    const word = this.#takeWord('if', 'with', 'range', 'break', 'continue', 'define', 'block', 'template');
    if (word === 'if' || word === 'with' || word === 'range') return this.#block(word);
    if (word === 'break' || word === 'continue') {
      this.#close();
      return { kind: word };
    }
    if (word === 'define' || word === 'block' || word === 'template') return this.#named(word);
    const pipeline = this.#pipeline();
    this.#close();
    return { kind: 'action', pipeline };
  }

  /** `define` only names a template, `template` runs one, `block` does both. */
  #named(word: 'define' | 'block' | 'template'): Node {
    const token = this.#next();
    if (token?.kind !== 'string') throw new TemplateError(`{{${word}}} needs a name in quotes`);
    const name = token.value;
    const hasPipeline = word !== 'define' && this.#peek()?.kind !== 'close';
    const pipeline = hasPipeline ? this.#pipeline() : undefined;
    this.#close();
    if (word !== 'template') {
      const { nodes, ended } = this.#list();
      if (ended !== 'end') throw new TemplateError(`{{${word}}} has no {{end}}`);
      this.#definitions.set(name, nodes);
    }
    if (word === 'define') return { kind: 'text', text: '' };
    return { kind: 'template', name, definitions: this.#definitions, pipeline };
  }

  #block(kind: 'if' | 'with' | 'range'): Node {
    const pipeline = this.#pipeline();
    this.#close();
    const { nodes, ended } = this.#list();
    if (ended === undefined) throw new TemplateError(`{{${kind}}} has no {{end}}`);
    return { kind, pipeline, body: nodes, otherwise: ended === 'else' ? this.#otherwise(kind) : [] };
  }

  /** After `else`: either another block, which the same `end` closes, or plain nodes. */
  #otherwise(kind: string): readonly Node[] {
    const word = this.#takeWord('if', 'with');
    if (word === 'if' || word === 'with') return [this.#block(word)];
    this.#close();
    const { nodes, ended } = this.#list();
    if (ended !== 'end') throw new TemplateError(`{{${kind}}} has no {{end}}`);
    return nodes;
  }

  #pipeline(): Pipeline {
    const { variables, declares } = this.#variables();
    const commands = [this.#command()];
    while (this.#takeSymbol('|')) commands.push(this.#command());
    return { variables, declares, commands };
  }

  #variables(): Pick<Pipeline, 'variables' | 'declares'> {
    const start = this.#at;
    const names: string[] = [];
    for (let token = this.#peek(); token?.kind === 'variable'; token = this.#peek()) {
      this.#at++;
      names.push(token.name);
      if (this.#takeSymbol(':=')) return { variables: names, declares: true };
      if (this.#takeSymbol('=')) return { variables: names, declares: false };
      if (!this.#takeSymbol(',')) break;
    }
    this.#at = start;
    return { variables: [], declares: false };
  }

  #command(): Command {
    const operands: Operand[] = [];
    for (let operand = this.#operand(); operand; operand = this.#operand()) operands.push(operand);
    if (operands.length === 0) throw new TemplateError('missing value for command');
    return { operands };
  }

  #operand(): Operand | undefined {
    let operand = this.#term();
    for (
      let token = this.#peek();
      operand && token?.kind === 'field' && token.attached;
      token = this.#peek()
    ) {
      this.#at++;
      operand = { kind: 'field', base: operand, name: token.name };
    }
    return operand;
  }

  #term(): Operand | undefined {
    const token = this.#peek();
    if (!token || token.kind === 'close') return undefined;
    if (token.kind === 'symbol') return token.symbol === '(' ? this.#parenthesized() : undefined;
    this.#at++;
    switch (token.kind) {
      case 'field':
        return { kind: 'field', base: { kind: 'dot' }, name: token.name };
      case 'dot':
        return { kind: 'dot' };
      case 'variable':
        return { kind: 'variable', name: token.name };
      case 'string':
      case 'number':
        return { kind: 'constant', value: token.value };
      case 'word': {
        const constant = CONSTANTS[token.name];
        return constant === undefined
          ? { kind: 'function', name: token.name }
          : { kind: 'constant', value: constant };
      }
      case 'open':
      case 'text':
        throw new TemplateError('unclosed action: "}}" is missing');
    }
  }

  #parenthesized(): Operand {
    this.#at++;
    const pipeline = this.#pipeline();
    if (!this.#takeSymbol(')')) throw new TemplateError('unclosed left paren');
    return { kind: 'pipeline', pipeline };
  }

  #takeWord(...names: readonly string[]): string | undefined {
    const token = this.#peek();
    if (token?.kind !== 'word' || !names.includes(token.name)) return undefined;
    this.#at++;
    return token.name;
  }

  #takeSymbol(symbol: string): boolean {
    const token = this.#peek();
    if (token?.kind !== 'symbol' || token.symbol !== symbol) return false;
    this.#at++;
    return true;
  }

  #close(): void {
    const token = this.#next();
    if (token?.kind !== 'close') throw new TemplateError('unexpected operand in an action');
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #next(): Token | undefined {
    return this.#tokens[this.#at++];
  }
}
