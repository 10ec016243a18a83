import { parseInteger } from '#base/integers.ts';
import type { TerminalSize } from '#container/container-spec.ts';
import type { Exchange } from './exchange.ts';

/** The parameters `h` and `w`, of which terminals keep 16 bits. @throws {EngineError} `invalid` */
export function askedSize(exchange: Exchange): TerminalSize {
  return { rows: cells(exchange.text('h')), columns: cells(exchange.text('w')) };
}

function cells(text: string): number {
  return parseInteger(text) & 0xffff;
}
