import type { AddInstruction, CopyInstruction, InlineFile, Statement } from '../ast.ts';
import { invalid } from '../dockerfile-error.ts';
import { Flags } from './flags.ts';
import { heredocBody, tryParseHeredocHead } from '../parse/heredoc.ts';
import { argTexts, baseOf } from './instruction-base.ts';

const SHARED_FLAGS = { chown: 'text', chmod: 'text', link: 'switch', exclude: 'list' } as const;

export function parseAdd(statement: Statement): AddInstruction {
  const paths = sourcesAndDestination('ADD', statement);
  const flags = new Flags(statement.flags, {
    ...SHARED_FLAGS,
    'keep-git-dir': 'switch',
    checksum: 'text',
    unpack: 'switch',
  });
  const checksum = flags.text('checksum') ?? '';
  const keepGitDir = flags.switch('keep-git-dir');
  const unpack = flags.switch('unpack');
  return {
    ...baseOf(statement),
    kind: 'add',
    ...readFiles('ADD', paths, statement),
    ...sharedOptions(flags),
    ...(checksum === '' ? {} : { checksum }),
    ...(keepGitDir === undefined ? {} : { keepGitDir }),
    ...(unpack === undefined ? {} : { unpack }),
  };
}

export function parseCopy(statement: Statement): CopyInstruction {
  const paths = sourcesAndDestination('COPY', statement);
  const flags = new Flags(statement.flags, { ...SHARED_FLAGS, from: 'text', parents: 'switch' });
  const from = flags.text('from') ?? '';
  return {
    ...baseOf(statement),
    kind: 'copy',
    ...readFiles('COPY', paths, statement),
    ...sharedOptions(flags),
    ...(from === '' ? {} : { from }),
    parents: flags.switch('parents') ?? false,
  };
}

interface Paths {
  readonly sources: readonly string[];
  readonly destination: string;
}

function sourcesAndDestination(name: string, statement: Statement): Paths {
  const args = argTexts(statement);
  const destination = args.at(-1);
  if (destination === undefined || args.length < 2)
    throw invalid(
      `${name} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  return { sources: args.slice(0, -1), destination };
}

type Files = Pick<CopyInstruction, 'sources' | 'inlineFiles' | 'destination'>;

/** A source `<<NAME` is the heredoc of that name; the last one where several share it. */
function readFiles(name: string, paths: Paths, statement: Statement): Files {
  if (tryParseHeredocHead(paths.destination) !== undefined)
    throw invalid(`${name} cannot accept a heredoc as a destination`);
  const bodies = new Map(statement.heredocs.map((heredoc) => [heredoc.name, heredoc.content]));
  const sources: string[] = [];
  const inlineFiles: InlineFile[] = [];
  for (const source of paths.sources) {
    const head = tryParseHeredocHead(source);
    if (head === undefined) sources.push(source);
    else {
      const content = heredocBody({ chomp: head.chomp, content: bodies.get(head.name) ?? '' });
      inlineFiles.push({ name: head.name, content, expand: head.expand });
    }
  }
  return { sources, inlineFiles, destination: paths.destination };
}

type SharedOptions = Pick<CopyInstruction, 'chown' | 'chmod' | 'link' | 'exclude'>;

function sharedOptions(flags: Flags): SharedOptions {
  const chown = flags.text('chown') ?? '';
  const chmod = flags.text('chmod') ?? '';
  return {
    ...(chown === '' ? {} : { chown }),
    ...(chmod === '' ? {} : { chmod }),
    link: flags.switch('link') ?? false,
    exclude: flags.list('exclude'),
  };
}
