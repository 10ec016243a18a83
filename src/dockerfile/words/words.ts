/** Cuts an argument text into pieces, with the offsets they came from. */
import { isBlank } from './blank.ts';

export interface Piece {
  readonly text: string;
  /** Offsets into the text that was cut. */
  readonly start: number;
  readonly end: number;
}

const BLANKS = /[\t\v\f\r ]+/g;

/** Cuts at every run of blanks; a quote is a character like any other. */
export function splitBlanks(text: string, start: number): readonly Piece[] {
  const pieces: Piece[] = [];
  let begin = start;
  BLANKS.lastIndex = start;
  for (let match = BLANKS.exec(text); match !== null; match = BLANKS.exec(text)) {
    pieces.push({ text: text.slice(begin, match.index), start: begin, end: match.index });
    begin = BLANKS.lastIndex;
  }
  pieces.push({ text: text.slice(begin), start: begin, end: text.length });
  return pieces;
}

/** Cuts at the first run of blanks. */
export function splitFirst(text: string, start: number): readonly [Piece, Piece | undefined] {
  BLANKS.lastIndex = start;
  const match = BLANKS.exec(text);
  if (match === null) return [{ text: text.slice(start), start, end: text.length }, undefined];
  const rest = BLANKS.lastIndex;
  return [
    { text: text.slice(start, match.index), start, end: match.index },
    { text: text.slice(rest), start: rest, end: text.length },
  ];
}

/** Cuts at blanks outside quotes. Quotes and escapes stay in the words, for the expansion to come. */
export function splitWords(text: string, start: number, escape: string): readonly Piece[] {
  const words: Piece[] = [];
  let offset = start;
  while (offset < text.length) {
    if (isBlank(text, offset)) {
      offset += 1;
      continue;
    }
    const end = wordEnd(text, offset, escape);
    const dangling = end === text.length && endsInEscape(text, offset, end, escape);
    const word = text.slice(offset, dangling ? end - 1 : end);
    if (word !== '') words.push({ text: word, start: offset, end });
    offset = end;
  }
  return words;
}

function wordEnd(text: string, start: number, escape: string): number {
  let quote: string | undefined;
  let offset = start;
  for (; offset < text.length; offset += 1) {
    const character = text[offset] ?? '';
    if (quote === undefined && isBlank(text, offset)) return offset;
    if (character === escape && quote !== "'") offset += 1;
    else if (quote !== undefined) quote = character === quote ? undefined : quote;
    else if (character === "'" || character === '"') quote = character;
  }
  return Math.min(offset, text.length);
}

/** True if the last character is an escape with nothing to escape. */
function endsInEscape(text: string, start: number, end: number, escape: string): boolean {
  if (text[end - 1] !== escape) return false;
  let quote: string | undefined;
  for (let offset = start; offset < end; offset += 1) {
    const character = text[offset] ?? '';
    if (character === escape && quote !== "'") {
      if (offset === end - 1) return true;
      offset += 1;
    } else if (quote !== undefined) quote = character === quote ? undefined : quote;
    else if (character === "'" || character === '"') quote = character;
  }
  return false;
}

export interface FlagSplit {
  readonly flags: readonly Piece[];
  /** Where the arguments begin, blanks before them skipped. */
  readonly rest: number;
}

/** Takes `--name=value` words off the front; `--` ends them. Quotes and escapes are resolved. */
export function splitFlags(text: string, start: number, escape: string): FlagSplit {
  const flags: Piece[] = [];
  let offset = skipBlanks(text, start);
  while (text.startsWith('--', offset)) {
    const flag = readFlag(text, offset, escape);
    offset = skipBlanks(text, flag.end);
    if (flag.text === '--') break;
    flags.push(flag);
  }
  return { flags, rest: offset };
}

function readFlag(text: string, start: number, escape: string): Piece {
  let quote: string | undefined;
  let result = '';
  let offset = start;
  for (; offset < text.length; offset += 1) {
    const character = text[offset] ?? '';
    if (quote === undefined && isBlank(text, offset)) break;
    if (character === quote) quote = undefined;
    else if (quote === undefined && (character === "'" || character === '"')) quote = character;
    else if (character !== escape) result += character;
    else {
      offset += 1;
      result += text[offset] ?? '';
    }
  }
  return { text: result, start, end: Math.min(offset, text.length) };
}

export function skipBlanks(text: string, start: number): number {
  let offset = start;
  while (offset < text.length && isBlank(text, offset)) offset += 1;
  return offset;
}
