import { resolve } from 'node:path';

/** `-v` sorted into binds (`source:target[:options]`) and the paths that get a volume without a name. */
export function readVolumes(texts: readonly string[]): {
  readonly binds: readonly string[] | null;
  readonly anonymous: Readonly<Record<string, object>>;
} {
  const binds: string[] = [];
  const anonymous: Record<string, object> = {};
  for (const text of texts) {
    const colon = text.indexOf(':');
    if (colon < 0) anonymous[text] = {};
    else binds.push(absolute(text.slice(0, colon)) + text.slice(colon));
  }
  return { binds: binds.length > 0 ? binds : null, anonymous };
}

/** A path that begins with a dot is relative to here; anything else is absolute or a volume's name. */
function absolute(source: string): string {
  return source.startsWith('.') ? resolve(source) : source;
}
