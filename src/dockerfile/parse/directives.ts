/** `# syntax=…`, `# escape=…`, `# check=…`: comments that count while nothing but such comments stands above. */
import type { Directive } from '../ast.ts';
import { invalid } from '../dockerfile-error.ts';

const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S(?:.*\S)?)\s*$/;

export class DirectiveReader {
  readonly directives: Directive[] = [];
  #done = false;

  get escape(): '\\' | '`' {
    return this.directives.find(({ name }) => name === 'escape')?.value === '`' ? '`' : '\\';
  }

  /**
   * Looks at the next line, without leading blanks and newline.
   *
   * @returns whether it is a directive
   * @throws {EngineError} `invalid` for a second one of a name, or an unknown escape character
   */
  read(line: string, number: number): boolean {
    if (this.#done) return false;
    if (number === 1 && line.startsWith('#!')) return false;
    const match = DIRECTIVE.exec(line);
    const name = match?.[1]?.toLowerCase();
    const value = match?.[2] ?? '';
    if (name !== 'syntax' && name !== 'escape' && name !== 'check') {
      this.#done = true;
      return false;
    }
    if (this.directives.some((known) => known.name === name))
      throw invalid(`only one ${name} parser directive can be used`);
    if (name === 'escape' && value !== '\\' && value !== '`')
      throw invalid(`invalid escape token '${value}' does not match \` or \\`);
    const range = {
      start: { line: number, column: 1 },
      end: { line: number, column: line.length + 1 },
    };
    this.directives.push({ name, value, range });
    return true;
  }
}
