import { isBlank } from './blank.ts';

const BLANKS = /\s+/u;

/** Words as they grow: blanks end a word unless they were quoted. */
export class WordList {
  readonly #words: string[] = [];
  #current = '';

  add(text: string): void {
    if (text.length === 1 && !isBlank(text, 0)) {
      this.#current += text;
      return;
    }
    for (const [index, part] of text.split(BLANKS).entries()) {
      if (index > 0) this.#end();
      this.#current += part;
    }
  }

  addQuoted(text: string): void {
    this.#current += text;
  }

  finish(): readonly string[] {
    this.#end();
    return this.#words;
  }

  #end(): void {
    if (this.#current !== '') this.#words.push(this.#current);
    this.#current = '';
  }
}
