import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DockerfileError } from '../dockerfile-error.ts';
import { parseDockerfile } from '../dockerfile.ts';
import { buildStageGraph, type StageGraph } from './stages.ts';

function graphOf(text: string, target?: string, globals: readonly [string, string][] = []): StageGraph {
  return buildStageGraph(parseDockerfile(text), {
    globals: new Map(globals),
    ...(target === undefined ? {} : { target }),
  });
}

suite('stage graph', () => {
  const file = [
    'FROM alpine AS Base',
    'FROM base AS unused',
    'FROM scratch AS files',
    'COPY x /',
    'FROM base AS main',
    'COPY --from=2 /x /',
    'COPY --from=busybox /bin /bin',
    'RUN --mount=type=bind,from=files,target=/f true',
    'FROM main',
  ].join('\n');

  test('names, indexes, images', () => {
    const { stages } = graphOf(file);
    assert.deepEqual(
      stages.map(({ displayName, base }) => [displayName, base]),
      [
        ['base', { kind: 'external', name: 'alpine' }],
        ['unused', { kind: 'stage', index: 0 }],
        ['files', { kind: 'scratch' }],
        ['main', { kind: 'stage', index: 0 }],
        ['stage-4', { kind: 'stage', index: 3 }],
      ],
    );
    assert.deepEqual(
      stages[3]?.dependencies.map(({ source }) => source),
      [
        { kind: 'stage', index: 2 },
        { kind: 'external', name: 'busybox' },
        { kind: 'stage', index: 2 },
      ],
    );
  });

  test('only what the target needs, in an order that can be built', () => {
    assert.deepEqual(graphOf(file).needed, [0, 2, 3, 4]);
    assert.deepEqual(graphOf(file, 'UNUSED').needed, [0, 1]);
    assert.deepEqual(graphOf(file, 'files').needed, [2]);
  });

  test('a later stage of the same name hides the earlier one', () => {
    const { stages } = graphOf('FROM a AS x\nFROM x AS x\nFROM x\n');
    assert.deepEqual(
      stages.map(({ base }) => base),
      [
        { kind: 'external', name: 'a' },
        { kind: 'stage', index: 0 },
        { kind: 'stage', index: 1 },
      ],
    );
  });

  test('a named context replaces a stage and what it needed', () => {
    const graph = buildStageGraph(parseDockerfile('FROM a AS x\nFROM x AS y\nCOPY --from=x / /\nFROM y\n'), {
      globals: new Map(),
      contexts: new Set(['y']),
    });
    assert.deepEqual(graph.needed, [1, 2]);
    assert.deepEqual(graph.stages[1]?.base, { kind: 'external', name: 'y' });
  });

  test('FROM expands global variables', () => {
    const { stages } = graphOf('FROM --platform=$P a:${V:-2} AS x\n', undefined, [['P', 'linux/arm64']]);
    assert.deepEqual(stages[0]?.base, { kind: 'external', name: 'a:2' });
    assert.deepEqual(stages[0].platform, { os: 'linux', architecture: 'arm64' });
    assert.equal(stages[0].displayName, '', 'the only stage needs no name');
  });

  test('a target may be a number', () => {
    assert.equal(graphOf(file, '2').target, 2);
    assert.equal(graphOf(file, 'FILES').target, 2);
    assert.equal(graphOf(file, '').target, 4);
  });

  test('errors', () => {
    const cases: readonly (readonly [string, string | undefined, RegExp])[] = [
      ['FROM $x', undefined, /^base name \(\$x\) should not be blank$/],
      ['FROM a AS build', 'biuld', /^target stage "biuld" could not be found \(did you mean build\?\)$/],
      ['FROM --platform=$x a', undefined, /^empty platform value from expression \$x$/],
      ['FROM a AS b\nCOPY --from=b x y', undefined, /^circular dependency detected on stage: b$/],
      ['FROM a\nFROM b\nCOPY --from=1 x y', undefined, /^circular dependency detected on stage: stage-1$/],
      ['FROM a', '1', /^target stage "1" could not be found$/],
      [
        'FROM a AS b\nCOPY --from=c x y\nFROM b AS c',
        undefined,
        /^circular dependency detected on stage: b$/,
      ],
      ['FROM a AS b\nCOPY --from=7 x y', undefined, /^invalid stage index 7$/],
      ['FROM a AS b\nCOPY --from=$c x y', undefined, /^variable expansion is not supported for --from/],
      [
        'FROM a AS b\nCOPY --from=c x y\nFROM b AS d\nFROM e AS c',
        'b',
        /^cannot copy from stage "c", it needs to be defined before current stage "b"$/,
      ],
    ];
    for (const [text, target, message] of cases)
      assert.throws(
        () => graphOf(text, target),
        (error) => error instanceof Error && message.test(error.message),
        text,
      );
  });

  test('a cycle names every line of it', () => {
    assert.throws(
      () => graphOf('FROM a AS b\nCOPY --from=c x y\nFROM b AS c'),
      (error) =>
        error instanceof DockerfileError &&
        assert.deepEqual(
          error.ranges.map(({ start }) => start.line),
          [2, 3],
        ) === undefined,
    );
  });

  test('tens of thousands of stages', () => {
    const lines = ['FROM a AS s0'];
    for (let index = 1; index < 20_000; index += 1) lines.push(`FROM s${index - 1} AS s${index}`);
    assert.equal(graphOf(lines.join('\n')).needed.length, 20_000);
  });
});
