/**
 * Names as texts. A name of a file is bytes, which need be no UTF-8: each byte that is none is one of the lone
 * surrogates U+DC80 to U+DCFF, which no text has otherwise (PEP 383). JSON carries them.
 */
import { isUtf8 } from 'node:buffer';
import { readdirSync, readlinkSync } from 'node:fs';

/** What decoders put where there was no UTF-8. */
const REPLACEMENT = '\uFFFD';
const SURROGATE = 0xdc00;

export function textOfBytes(bytes: Buffer): string {
  const text = bytes.toString();
  return text.includes(REPLACEMENT) ? escaped(bytes) : text;
}

export function bytesOfText(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  const parts = text.split(/([\u{DC80}-\u{DCFF}])/u);
  return Buffer.concat(
    parts.map((part, index) =>
      index % 2 === 0 ? Buffer.from(part) : Buffer.of(part.charCodeAt(0) - SURROGATE),
    ),
  );
}

/** The path as functions of `node:fs` take it. */
export function placeOfText(path: string): string | Buffer {
  return path.isWellFormed() ? path : bytesOfText(path);
}

/** The text as people read it: on one line, and without what is not text. */
export function printableName(path: string): string {
  return path.toWellFormed().replaceAll(/\p{Cc}/gu, '?');
}

/** What is in a directory, sorted. @throws what readdir(3) does */
export function namesIn(directory: string): readonly string[] {
  const place = placeOfText(directory);
  const names = readdirSync(place);
  const isText = !names.some((name) => name.includes(REPLACEMENT));
  return (isText ? names : readdirSync(place, { encoding: 'buffer' }).map(textOfBytes)).toSorted();
}

/** Where a symbolic link leads to. @throws what readlink(2) does */
export function linkTarget(path: string): string {
  const place = placeOfText(path);
  const target = readlinkSync(place);
  return target.includes(REPLACEMENT) ? textOfBytes(readlinkSync(place, { encoding: 'buffer' })) : target;
}

function escaped(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0;
    const character = bytes.subarray(at, at + lengthAfter(first));
    const isText = isUtf8(character);
    text += isText ? character.toString() : String.fromCharCode(SURROGATE + first);
    at += isText ? character.length : 1;
  }
  return text;
}

/** How long a character is that begins so (RFC 3629). */
function lengthAfter(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}
