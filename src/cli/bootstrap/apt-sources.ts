import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One archive that apt fetches from. */
export interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly signedBy: string | undefined;
}

/** The binary archives of this machine's apt (sources.list(5)), in either format; none where there is no apt. */
export function readAptSources(directory = '/etc/apt'): readonly AptSource[] {
  return sourceFiles(directory).flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    return file.endsWith('.sources') ? parseDeb822(text) : parseOneLine(text);
  });
}

function sourceFiles(directory: string): readonly string[] {
  const parts = join(directory, 'sources.list.d');
  return [
    ...entriesOf(directory)
      .filter((name) => name === 'sources.list')
      .map((name) => join(directory, name)),
    ...entriesOf(parts)
      .filter((name) => /\.(list|sources)$/.test(name))
      .map((name) => join(parts, name)),
  ];
}

function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    // No such directory, no such sources.
    return [];
  }
}

export function parseOneLine(text: string): readonly AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+[^#\s]+)*)/.exec(line);
    if (!match) return [];
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const signedBy = /signed-by=(\S+)/i.exec(options)?.[1];
    return [{ uri, suites: [suite], components: words(components), signedBy }];
  });
}

export function parseDeb822(text: string): readonly AptSource[] {
  const uncommented = text.replaceAll(/^#.*\n?/gm, '');
  return uncommented.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string): string =>
      new RegExp(`^${name}:([^\\n]*(?:\\n[ \\t][^\\n]*)*)`, 'im').exec(stanza)?.[1]?.trim() ?? '';
    if (!words(field('Types')).includes('deb') || /^no$/i.test(field('Enabled'))) return [];
    // A key that stands in the file itself has no path.
    const signedBy = field('Signed-By').startsWith('/') ? field('Signed-By') : undefined;
    const suites = words(field('Suites'));
    return words(field('URIs')).map((uri) => ({
      uri,
      suites,
      components: words(field('Components')),
      signedBy,
    }));
  });
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
