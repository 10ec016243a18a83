/** A statement into its typed instruction: arguments counted, flags known, values of closed sets checked. */
import type {
  ArgDefinition,
  ArgInstruction,
  EnvInstruction,
  ExposeInstruction,
  FromInstruction,
  Instruction,
  KeyValue,
  LabelInstruction,
  MaintainerInstruction,
  OnbuildInstruction,
  Statement,
  StopSignalInstruction,
  UserInstruction,
  VolumeInstruction,
  WorkdirInstruction,
} from '../ast.ts';
import { DockerfileError, invalid, withPlace } from '../dockerfile-error.ts';
import { Flags } from './flags.ts';
import { argTexts, atLeastOne, baseOf, exactlyOne } from './instruction-base.ts';
import {
  checkNoFlags,
  parseCmd,
  parseEntrypoint,
  parseHealthcheck,
  parseRun,
  parseShell,
} from './instruction-commands.ts';
import { parseAdd, parseCopy } from './instruction-files.ts';
import { KEYWORDS } from '../parse/statement.ts';
import { suggestionSuffix } from '../suggest.ts';

type InstructionParser = (statement: Statement) => Instruction;

const PARSERS: ReadonlyMap<string, InstructionParser> = new Map<string, InstructionParser>([
  ['add', parseAdd],
  ['arg', parseArg],
  ['cmd', parseCmd],
  ['copy', parseCopy],
  ['entrypoint', parseEntrypoint],
  ['env', parseEnv],
  ['expose', parseExpose],
  ['from', parseFrom],
  ['healthcheck', parseHealthcheck],
  ['label', parseLabel],
  ['maintainer', parseMaintainer],
  ['onbuild', parseOnbuild],
  ['run', parseRun],
  ['shell', parseShell],
  ['stopsignal', parseStopSignal],
  ['user', parseUser],
  ['volume', parseVolume],
  ['workdir', parseWorkdir],
]);

const STAGE_NAME = /^[a-z][a-z0-9\-_.]*$/;
const PARSE_ERROR = 'dockerfile parse error on line';

/** @throws {DockerfileError} with BuildKit's texts, `prefix` in front: by default it names the line */
export function parseInstruction(
  statement: Statement,
  prefix = `${PARSE_ERROR} ${statement.range.start.line}: `,
): Instruction {
  return withPlace({ range: statement.range, prefix }, () => {
    const parser = PARSERS.get(statement.keyword.text.toLowerCase());
    if (parser === undefined) throw unknownInstruction(statement);
    return parser(statement);
  });
}

function unknownInstruction({ keyword, range }: Statement): DockerfileError {
  const suffix = suggestionSuffix(keyword.text, KEYWORDS, false);
  return new DockerfileError(`unknown instruction: ${keyword.text}${suffix}`, [
    { start: keyword.range.start, end: range.end },
  ]);
}

function parseFrom(statement: Statement): FromInstruction {
  const args = argTexts(statement);
  const stageName = parseStageName(args);
  const platform = new Flags(statement.flags, { platform: 'text' }).text('platform') ?? '';
  return {
    ...baseOf(statement),
    kind: 'from',
    base: args[0] ?? '',
    ...(stageName === undefined ? {} : { stageName }),
    ...(platform === '' ? {} : { platform }),
  };
}

function parseStageName(args: readonly string[]): string | undefined {
  const [, as, name] = args;
  if (args.length === 3 && as?.toLowerCase() === 'as' && name !== undefined) {
    const lower = name.toLowerCase();
    if (STAGE_NAME.test(lower)) return lower;
    throw invalid(
      `invalid name for build stage: ${JSON.stringify(name)}, name can't start with a number or contain symbols`,
    );
  }
  if (args.length !== 1) throw invalid('FROM requires either one or three arguments');
  return undefined;
}

function parseArg(statement: Statement): ArgInstruction {
  const args = atLeastOne('ARG', argTexts(statement));
  return { ...baseOf(statement), kind: 'arg', definitions: args.map(parseArgDefinition) };
}

function parseArgDefinition(text: string): ArgDefinition {
  const separator = text.indexOf('=');
  if (separator < 0) return { name: text };
  if (separator === 0) throw invalid('ARG names can not be blank');
  return { name: text.slice(0, separator), value: text.slice(separator + 1) };
}

function parseEnv(statement: Statement): EnvInstruction {
  checkNoFlags(statement);
  return { ...baseOf(statement), kind: 'env', variables: pairsOf('ENV', statement) };
}

function parseLabel(statement: Statement): LabelInstruction {
  checkNoFlags(statement);
  return { ...baseOf(statement), kind: 'label', labels: pairsOf('LABEL', statement) };
}

/** The triples of key, value and separator that `statement.ts` cuts. */
function pairsOf(name: string, statement: Statement): readonly KeyValue[] {
  const args = atLeastOne(name, argTexts(statement));
  const pairs: KeyValue[] = [];
  for (let index = 0; index < args.length; index += 3) {
    const key = args[index] ?? '';
    if (key === '') throw invalid(`${name} names can not be blank`);
    pairs.push({ key, value: args[index + 1] ?? '' });
  }
  return pairs;
}

function parseMaintainer(statement: Statement): MaintainerInstruction {
  const maintainer = exactlyOne('MAINTAINER', argTexts(statement));
  checkNoFlags(statement);
  return { ...baseOf(statement), kind: 'maintainer', maintainer };
}

function parseExpose(statement: Statement): ExposeInstruction {
  const ports = atLeastOne('EXPOSE', argTexts(statement)).toSorted();
  checkNoFlags(statement);
  return { ...baseOf(statement), kind: 'expose', ports };
}

function parseUser(statement: Statement): UserInstruction {
  const user = exactlyOne('USER', argTexts(statement));
  checkNoFlags(statement);
  return { ...baseOf(statement), kind: 'user', user };
}

function parseWorkdir(statement: Statement): WorkdirInstruction {
  const path = exactlyOne('WORKDIR', argTexts(statement));
  checkNoFlags(statement);
  return { ...baseOf(statement), kind: 'workdir', path };
}

function parseStopSignal(statement: Statement): StopSignalInstruction {
  const signal = exactlyOne('STOPSIGNAL', argTexts(statement));
  return { ...baseOf(statement), kind: 'stopsignal', signal };
}

function parseVolume(statement: Statement): VolumeInstruction {
  const args = atLeastOne('VOLUME', argTexts(statement));
  checkNoFlags(statement);
  const paths = args.map((path) => path.trim());
  if (paths.includes('')) throw invalid('VOLUME specified can not be an empty string');
  return { ...baseOf(statement), kind: 'volume', paths };
}

function parseOnbuild(statement: Statement): OnbuildInstruction {
  const [first] = atLeastOne('ONBUILD', argTexts(statement));
  checkNoFlags(statement);
  const trigger = first.toUpperCase();
  if (trigger === 'ONBUILD') throw invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === 'MAINTAINER' || trigger === 'FROM')
    throw invalid(`${trigger} isn't allowed as an ONBUILD trigger`);
  const bodies = statement.heredocs.map(({ content, name }) => `\n${content}${name}`);
  const line = statement.original.replace(/^\s*ONBUILD\s*/i, '');
  return { ...baseOf(statement), kind: 'onbuild', expression: line + bodies.join('') };
}
