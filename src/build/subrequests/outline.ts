import type { ArgInstruction, Dockerfile, FromInstruction, RunInstruction, Stage } from '#dockerfile/ast.ts';
import { expand } from '#dockerfile/words/expand.ts';
import { parseMountOptions } from '#dockerfile/instructions/mount-options.ts';
import { globalScope, type ScopeOptions } from '#dockerfile/stages/scopes.ts';
import { buildStageGraph } from '#dockerfile/stages/stages.ts';
import { type Answer, answerOf, base64, describedIn, locationOf } from './answer.ts';
import { tabulate } from './tabulate.ts';

interface Argument {
  readonly name: string;
  readonly description?: string;
  readonly value?: string;
  readonly location: object;
}

interface Need {
  readonly name: string;
  readonly required?: true;
  readonly location: object;
}

/** `frontend.outline`: what the target and the stages it needs can be given. @throws {DockerfileError} */
export function describeOutline(
  dockerfile: Dockerfile,
  scope: ScopeOptions,
  target: string | undefined,
): Answer {
  const globals = globalScope(dockerfile, scope);
  const graph = buildStageGraph(dockerfile, { globals, ...(target !== undefined && { target }) });
  const stages = graph.needed
    .toSorted((one, other) => one - other)
    .flatMap((index) => dockerfile.stages[index] ?? []);
  const { stageName, comments = [] }: Partial<FromInstruction> = dockerfile.stages[graph.target]?.from ?? {};
  const description = describedIn(comments, stageName);
  const variables = new Map(globals);
  const inStages = stages.flatMap(({ instructions }) => instructions.filter((each) => each.kind === 'arg'));
  const args = [...usedGlobals(dockerfile, stages, globals), ...inStages].flatMap((instruction) =>
    argumentsOf(instruction, variables, { dockerfile, scope }),
  );
  const runs = stages.flatMap(({ instructions }) => instructions.filter((each) => each.kind === 'run'));
  const secrets = runs.flatMap((run) => needsOf(run, 'secret'));
  const ssh = runs.flatMap((run) => needsOf(run, 'ssh'));
  const outline = {
    ...(stageName !== undefined && { name: stageName }),
    description,
    ...(args.length > 0 && { args: unique(args) }),
    ...(secrets.length > 0 && { secrets: unique(secrets) }),
    ...(ssh.length > 0 && { ssh: unique(ssh) }),
    sources: [base64(dockerfile.source.text)],
  };
  return answerOf(outline, textOf(outline));
}

/** ARGs above the first FROM that the FROMs name; stages that take one say so themselves. */
function usedGlobals(
  { globalArgs, escape }: Dockerfile,
  stages: readonly Stage[],
  globals: ReadonlyMap<string, string>,
): readonly ArgInstruction[] {
  const used = new Set(
    stages.flatMap(({ from: { base, platform = '' } }) =>
      [base, platform].flatMap((text) => [...expand(text, globals, { escape }).matched]),
    ),
  );
  return globalArgs.filter(({ definitions }) => definitions.some(({ name }) => used.has(name)));
}

function argumentsOf(
  { definitions, comments, range }: ArgInstruction,
  variables: Map<string, string>,
  { dockerfile: { escape }, scope }: { readonly dockerfile: Dockerfile; readonly scope: ScopeOptions },
): readonly Argument[] {
  return definitions.map(({ name, value: initial }) => {
    const own = initial === undefined ? variables.get(name) : expand(initial, variables, { escape }).text;
    const value = scope.buildArgs.get(name) ?? own;
    if (value !== undefined) variables.set(name, value);
    const description = describedIn(comments, name);
    return {
      name,
      ...(description !== undefined && { description }),
      ...(value !== undefined && value !== '' && { value }),
      location: locationOf(range),
    };
  });
}

function needsOf({ mounts, range }: RunInstruction, type: 'secret' | 'ssh'): readonly Need[] {
  return mounts
    .map((text) => parseMountOptions(text))
    .flatMap((mount) =>
      mount.type === type
        ? [
            {
              name: mount.id === '' && type === 'ssh' ? 'default' : mount.id,
              ...(mount.required && { required: true as const }),
              location: locationOf(range),
            },
          ]
        : [],
    );
}

function unique<T extends { readonly name: string }>(items: readonly T[]): readonly T[] {
  return [...new Map(items.toReversed().map((item) => [item.name, item])).values()].toReversed();
}

interface Outline {
  readonly name?: string;
  readonly description: string | undefined;
  readonly args?: readonly Argument[];
  readonly secrets?: readonly Need[];
  readonly ssh?: readonly Need[];
}

function textOf({ name, description, args = [], secrets = [], ssh = [] }: Outline): string {
  const head = [
    ...(name !== undefined || description !== undefined ? [['TARGET:', name ?? '(default)']] : []),
    ...(description === undefined ? [] : [['DESCRIPTION:', description]]),
  ];
  const needs = (title: string, all: readonly Need[]) =>
    section([[title, 'REQUIRED'], ...all.map((need) => [need.name, need.required ? 'true' : ''])], 3);
  return [
    section(head, 1, 0),
    section(
      [
        ['BUILD ARG', 'VALUE', 'DESCRIPTION'],
        ...args.map(({ name, value = '', description = '' }) => [name, value, description]),
      ],
      3,
    ),
    needs('SECRET', secrets),
    needs('SSH', ssh),
  ].join('');
}

/** Empty where there are only headings. */
function section(rows: readonly (readonly string[])[], padding: number, headings = 1): string {
  return rows.length > headings ? `${tabulate(rows, padding)}\n` : '';
}
