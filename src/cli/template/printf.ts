import { TemplateError } from './template-error.ts';
import { show } from './show.ts';
import type { Value } from './value.ts';

/** Go's fmt.Sprintf for the verbs that templates use. */
export function sprintf(format: string, values: readonly Value[]): string {
  let next = 0;
  const text = format.replace(VERB, (...match: readonly (string | undefined)[]) => {
    const [, flags = '', width = '', precision, verb = ''] = match;
    if (verb === '%') return '%';
    if (next >= values.length) return `%!${verb}(MISSING)`;
    const size = width === '*' ? Number(values[next++]) : Number(width || 0);
    return pad(formatValue(verb, values[next++], flags, precision), size, flags);
  });
  const extra = values.slice(next);
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.map((value) => show(value)).join(', ')})`;
}

const VERB = /%([-+ 0#]*)(\d*|\*)(?:\.(\d+))?([a-zA-Z%])/g;

function formatValue(verb: string, value: Value, flags: string, precision: string | undefined): string {
  switch (verb) {
    case 's':
    case 'v':
      return precision === undefined ? show(value) : show(value).slice(0, Number(precision));
    case 'd':
      return (flags.includes('+') && Number(value) >= 0 ? '+' : '') + show(value);
    case 't':
      return show(value);
    case 'q':
      return JSON.stringify(show(value));
    case 'x':
      return typeof value === 'number' ? value.toString(16) : Buffer.from(show(value)).toString('hex');
    case 'X':
      return typeof value === 'number'
        ? value.toString(16).toUpperCase()
        : Buffer.from(show(value)).toString('hex').toUpperCase();
    case 'f':
      return Number(value).toFixed(precision === undefined ? 6 : Number(precision));
    case 'c':
      return String.fromCodePoint(Number(value));
    default:
      throw new TemplateError(`printf does not know %${verb}`);
  }
}

function pad(text: string, width: number, flags: string): string {
  if (flags.includes('-')) return text.padEnd(width);
  return text.padStart(width, flags.includes('0') ? '0' : ' ');
}
