import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { StageInstruction } from '../ast.ts';
import { parseDockerfile } from '../dockerfile.ts';
import { expandInstruction } from '../expand-instruction.ts';
import { globalScope, proxyVariables, type ScopeOptions, StageScope, unusedBuildArgs } from './scopes.ts';

function options(buildArgs: Readonly<Record<string, string>> = {}): ScopeOptions {
  return {
    buildArgs: new Map(Object.entries(buildArgs)),
    buildPlatform: { os: 'linux', architecture: 'amd64' },
    targetPlatform: { os: 'linux', architecture: 'arm', variant: 'v7' },
    targetStage: '',
  };
}

/** Runs the first stage's ARGs and ENVs; returns its scope. */
function scopeOf(text: string, buildArgs: Readonly<Record<string, string>> = {}): StageScope {
  const file = parseDockerfile(text);
  const globals = globalScope(file, options(buildArgs));
  const shared = { dockerfile: file, globals, buildArgs: new Map(Object.entries(buildArgs)) };
  const scope = new StageScope(shared, [['PATH', '/bin']]);
  for (const instruction of file.stages[0]!.instructions) apply(scope, instruction);
  return scope;
}

function apply(scope: StageScope, written: StageInstruction): void {
  const { instruction } = expandInstruction(written, { variables: scope.variables, escape: '\\' });
  if (instruction.kind === 'arg') scope.declare(instruction);
  if (instruction.kind === 'env') scope.set(instruction);
}

suite('ARG scopes', () => {
  test('FROM sees platforms and global defaults, replaced by build arguments', () => {
    const file = parseDockerfile('ARG A=1\nARG B=$A-$TARGETARCH C\nFROM a');
    const globals = globalScope(file, options({ A: '2', D: '3' }));
    assert.equal(globals.get('B'), '2-arm');
    assert.equal(globals.get('TARGETPLATFORM'), 'linux/arm/v7');
    assert.equal(globals.get('BUILDPLATFORM'), 'linux/amd64');
    assert.equal(globals.get('TARGETSTAGE'), 'default');
    assert.equal(globals.has('C'), false);
    assert.equal(globals.has('D'), false, 'a build argument that is not declared is not there');
  });

  test('a stage sees a global only once it declares it', () => {
    const text = 'ARG A=1\nFROM a\nENV X=$A\nARG A\nARG TARGETARCH\nENV Y=$A$TARGETARCH';
    const { variables } = scopeOf(text);
    assert.equal(variables.get('X'), '');
    assert.equal(variables.get('Y'), '1arm');
  });

  test('build argument, then default, then global', () => {
    assert.equal(scopeOf('ARG A=1\nFROM a\nARG A=2', { A: '3' }).variables.get('A'), '3');
    assert.equal(scopeOf('ARG A=1\nFROM a\nARG A=2').variables.get('A'), '2');
    assert.equal(scopeOf('FROM a\nARG A').variables.has('A'), false);
  });

  test('ENV sees the variables from before it', () => {
    const { variables } = scopeOf('FROM a\nENV A=1\nENV A=2 B=$A');
    assert.equal(variables.get('B'), '1');
  });

  test('a stage on top inherits', () => {
    const parent = scopeOf('FROM a\nARG A=1\nENV B=$A');
    const child = parent.derive();
    assert.equal(child.variables.get('A'), '1');
    assert.equal(child.variables.get('PATH'), '/bin');
    assert.equal(child.historyPrefix(), '|1 A=1 ');
    assert.notEqual(child.variables, parent.variables);
  });

  test("an image's variables are stronger than arguments of the stage below", () => {
    const parent = scopeOf('FROM a\nENV A=kept B=kept\nARG A=lost');
    const image = [
      ['A', 'kept'],
      ['B', 'kept'],
    ] as const;
    assert.equal(parent.variables.get('A'), 'lost');
    assert.equal(parent.derive(image).variables.get('A'), 'kept');
  });

  test('history names declared arguments with their values', () => {
    assert.equal(scopeOf('FROM a\nARG A=1\nARG B\nARG A=2').historyPrefix(), '|2 A=2 B= ');
    assert.equal(scopeOf('FROM a').historyPrefix(), '');
  });

  test('proxies in both spellings', () => {
    assert.deepEqual(
      [
        ...proxyVariables(
          new Map([
            ['http_proxy', 'x'],
            ['A', 'b'],
          ]),
        ),
      ],
      [
        ['HTTP_PROXY', 'x'],
        ['http_proxy', 'x'],
      ],
    );
  });

  test('build arguments that are not declared', () => {
    const file = parseDockerfile('ARG A\nFROM a\nARG B');
    const given = new Map(
      ['A', 'B', 'C', 'HTTP_PROXY', 'TARGETARCH', 'BUILDKIT_INLINE_CACHE'].map((name) => [name, '']),
    );
    assert.deepEqual(unusedBuildArgs(file, given), ['C']);
  });
});

test('instructions expand the parts that are theirs', () => {
  const variables = new Map([
    ['D', '/d'],
    ['P', '80 90/udp'],
  ]);
  const expanded = (text: string) =>
    expandInstruction(parseDockerfile(`FROM a\n${text}`).stages[0]!.instructions[0]!, {
      variables,
      escape: '\\',
    });
  const copy = expanded('COPY --chown=$D <<A <<"B" $D/x "$D" $NO\n$D "q"\nA\n$D\nB\n');
  assert.ok(copy.instruction.kind === 'copy');
  assert.deepEqual(copy.instruction.sources, ['/d/x', '/d']);
  assert.deepEqual(
    copy.instruction.inlineFiles.map(({ content }) => content),
    ['/d "q"\n', '$D\n'],
  );
  assert.equal(copy.instruction.chown, '/d');
  assert.equal(copy.instruction.destination, '');
  assert.deepEqual([...copy.unmatched], ['NO']);
  const expose = expanded('EXPOSE $P');
  assert.deepEqual(expose.instruction.kind === 'expose' && expose.instruction.ports, ['80', '90/udp']);
  const run = expanded('RUN echo $D');
  assert.deepEqual(run.instruction.kind === 'run' && run.instruction.command, {
    form: 'shell',
    text: 'echo $D',
    heredocs: [],
  });
});
