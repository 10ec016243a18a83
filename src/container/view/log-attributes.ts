import { compilePattern } from '#base/pattern.ts';
import { shortId } from '#base/ids.ts';
import type { ContainerDefinition } from '../container-record.ts';

/** What the log options `labels`, `env` and `tag` (and the two as regular expressions) select of a container. */
export function logAttributes(definition: ContainerDefinition): Readonly<Record<string, string>> {
  const { spec } = definition;
  const { options } = spec.log;
  const environment = spec.process.environment.map((entry) => splitVariable(entry));
  const tag = options['tag'];
  return {
    ...select(Object.entries(spec.labels), options['labels'], options['labels-regex']),
    ...select(environment, options['env'], options['env-regex']),
    ...(tag !== undefined && tag !== '' && { tag: expandTag(tag, definition) }),
  };
}

type Pair = readonly [name: string, value: string];

function select(pairs: readonly Pair[], names = '', pattern = ''): Readonly<Record<string, string>> {
  const wanted = new Set(names.split(',').filter(Boolean));
  const fits = patternOf(pattern);
  return Object.fromEntries(pairs.filter(([name]) => wanted.has(name) || fits(name)));
}

/** Drivers refuse what is not an expression; a container of a former version may have one, which selects nothing. */
function patternOf(expression: string): (name: string) => boolean {
  try {
    return expression === '' ? () => false : compilePattern(expression);
  } catch {
    return () => false;
  }
}

function splitVariable(entry: string): Pair {
  const equals = entry.indexOf('=');
  return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
}

/** The fields of Docker's tag templates. */
function expandTag(tag: string, { id, name, imageId, spec }: ContainerDefinition): string {
  const fields: Readonly<Record<string, string>> = {
    ID: shortId(id),
    FullID: id,
    Name: name,
    ImageID: shortId(imageId),
    ImageFullID: imageId,
    ImageName: spec.image,
    DaemonName: 'caisson',
  };
  return tag.replaceAll(/\{\{\s*\.(\w+)\s*\}\}/g, (whole, field: string) => fields[field] ?? whole);
}
