import {
  allCommands,
  catalogue,
  type CommandEntry,
  type FoundCommand,
  type FoundGroup,
  type GroupEntry,
} from './catalogue.ts';
import type { Command } from './command.ts';
import { type Flag, flagName, type Flags } from './flag.ts';
import { globalFlags } from './program.ts';
import { nearest } from './suggest.ts';
import { isTerminal } from './terminal/is-terminal.ts';

const PROGRAM = 'caisson';

/** `caisson --help`. */
export async function programHelp(): Promise<string> {
  const rows = await commandRows(catalogue);
  const groups = Object.entries(catalogue.entries).flatMap(([name, entry]) =>
    entry.kind === 'group' ? [[name, entry.summary] as const] : [],
  );
  const inSection = (section: CommandEntry['section']): Rows =>
    rows.filter((row) => row.section === section).map(pairOf);
  return [
    `\nUsage:  ${PROGRAM} [OPTIONS] COMMAND\n`,
    `${catalogue.summary}\n`,
    `Common Commands:\n${columns(inSection('common'))}`,
    `Management Commands:\n${columns(groups)}`,
    `Commands:\n${columns(inSection('more'))}`,
    `Global Options:\n${flagLines(globalFlags)}`,
    `Run '${PROGRAM} COMMAND --help' for more information on a command.\n`,
  ].join('\n');
}

/** `caisson container --help`. */
export async function groupHelp(found: FoundGroup): Promise<string> {
  const name = [PROGRAM, ...found.path].join(' ');
  const rows = (await commandRows(found.group)).map(pairOf);
  return [
    `\nUsage:  ${name} COMMAND\n`,
    `${found.group.summary}\n`,
    `Commands:\n${columns(rows)}`,
    `Run '${name} COMMAND --help' for more information on a command.\n`,
  ].join('\n');
}

/** `caisson run --help`. */
export function commandHelp(found: FoundCommand, command: Command): string {
  const names = namesOf(found.entry);
  const flags = Object.values(command.flags).some((flag) => !flag.hidden);
  return [
    usageBlock(found, command),
    command.description === undefined
      ? command.summary
      : `${command.summary}\n\n${command.description.trim()}`,
    ...(names.length > 1 ? [`\nAliases:\n  ${names.join(', ')}`] : []),
    `\nExamples:\n${command.examples.map((line) => `  ${line}`).join('\n')}`,
    ...(flags ? [`\nOptions:\n${flagLines(command.flags).trimEnd()}`] : []),
    '',
  ].join('\n');
}

/** What is said where there are too few or too many operands. */
export function wrongOperands(found: FoundCommand, command: Command): string {
  const name = [PROGRAM, ...found.path].join(' ');
  const example = command.operands.max === 0 ? '' : `, such as '${command.examples[0]}'`;
  const rule = `"${name}" ${operandRule(command.operands)}${example}.`;
  return `${rule}\nSee '${name} --help'.\n${usageBlock(found, command)}\n${command.summary}\n`;
}

function operandRule({ min, max }: Command['operands']): string {
  if (max === 0) return 'accepts no arguments';
  if (min === max) return `requires exactly ${argumentCount(min)}`;
  if (max === Number.POSITIVE_INFINITY) return `requires at least ${argumentCount(min)}`;
  return min === 0
    ? `requires at most ${argumentCount(max)}`
    : `requires at least ${min} and at most ${argumentCount(max)}`;
}

function argumentCount(number: number): string {
  return `${number} argument${number === 1 ? '' : 's'}`;
}

export function unknownCommandMessage(word: string, group: FoundGroup): string {
  const name = [PROGRAM, ...group.path].join(' ');
  const reason = group.group.refused?.[word];
  if (reason !== undefined) return `${PROGRAM}: '${word}' is not a ${name} command: ${reason}.\n`;
  const near = nearest(word, namesIn(group.group), 3).map((each) => `  ${name} ${each}\n`);
  const meant = near.length === 0 ? '' : `\nDid you mean:\n${near.join('')}`;
  return `${PROGRAM}: '${word}' is not a ${name} command.\n${meant}See '${name} --help'\n`;
}

function namesIn(group: GroupEntry): readonly string[] {
  return Object.entries(group.entries).flatMap(([name, entry]) =>
    entry.kind === 'command' ? [name, ...entry.aliases] : [name],
  );
}

function usageBlock(found: FoundCommand, command: Command): string {
  const name = [PROGRAM, ...found.path].join(' ');
  const lines = command.usage.map((form, index) =>
    `${index === 0 ? 'Usage:  ' : '\t'}${name} ${form}`.trimEnd(),
  );
  return `\n${lines.join('\n')}\n`;
}

function namesOf(entry: CommandEntry): readonly string[] {
  return [...allCommands()]
    .filter((each) => each.entry.load === entry.load)
    .flatMap(({ path, entry: { aliases } }) => [
      path,
      ...aliases.map((alias) => [...path.slice(0, -1), alias]),
    ])
    .map((path) => [PROGRAM, ...path].join(' '))
    .toSorted((one, other) => other.split(' ').length - one.split(' ').length);
}

type Rows = readonly (readonly [name: string, summary: string])[];

interface CommandRow {
  readonly name: string;
  readonly summary: string;
  readonly section: CommandEntry['section'];
}

function pairOf({ name, summary }: CommandRow): readonly [string, string] {
  return [name, summary];
}

async function commandRows(group: GroupEntry): Promise<readonly CommandRow[]> {
  const entries = Object.entries(group.entries).flatMap(([name, entry]) =>
    entry.kind === 'command' ? [{ name, entry }] : [],
  );
  return Promise.all(
    entries.map(async ({ name, entry }) => {
      const { command } = await entry.load();
      return { name, summary: command.summary, section: entry.section };
    }),
  );
}

function columns(rows: Rows): string {
  const width = Math.max(...rows.map(([name]) => name.length), 9) + 3;
  return rows.map(([name, summary]) => `  ${name.padEnd(width - 1)}${summary}\n`).join('');
}

/** The table of options, wrapped to the width of the terminal. */
function flagLines(table: Flags): string {
  const rows = Object.entries(table)
    .filter(([, flag]) => !flag.hidden)
    .map(([key, flag]) => ({ name: flagName(key), left: flagLeft(flagName(key), flag), flag }))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const width = Math.max(...rows.map(({ left }) => left.length), 0) + 3;
  const room = Math.max(helpWidth() - width, 24);
  return rows
    .map(({ left, flag }) => {
      const text = flag.summary + (flag.shownDefault === undefined ? '' : ` (default ${flag.shownDefault})`);
      return `${left.padEnd(width)}${wrap(text, room).join(`\n${' '.repeat(width)}`)}\n`;
    })
    .join('');
}

function flagLeft(name: string, { short, type }: Flag): string {
  const names = short === undefined ? `      --${name}` : `  -${short}, --${name}`;
  return type === '' ? names : `${names} ${type}`;
}

function helpWidth(): number {
  return isTerminal(1) ? Math.min(process.stdout.columns || 80, 120) : 80;
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
