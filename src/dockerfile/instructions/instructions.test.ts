import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { StageInstruction } from '../ast.ts';
import { DockerfileError } from '../dockerfile-error.ts';
import { parseDockerfile, parseTrigger } from '../dockerfile.ts';
import { type RunScript, runScript } from '../run-script.ts';

type Of<K extends StageInstruction['kind']> = Extract<StageInstruction, { kind: K }>;

function isKind<K extends StageInstruction['kind']>(
  candidate: StageInstruction | undefined,
  kind: K,
): candidate is Of<K> {
  return candidate?.kind === kind;
}

/** The first instruction of a stage, without what all instructions have. */
function instruction<K extends StageInstruction['kind']>(
  kind: K,
  text: string,
): Omit<Of<K>, 'statement' | 'range' | 'original' | 'comments' | 'kind'> {
  const found = parseDockerfile(`FROM scratch\n${text}`).stages[0]?.instructions[0];
  assert.ok(isKind(found, kind));
  const { statement: _, range: __, original: ___, comments: ____, kind: _____, ...rest } = found;
  return rest;
}

function run(text: string): RunScript {
  return runScript(instruction('run', text).command, []);
}

suite('instructions', () => {
  test('stages and the ARGs before them', () => {
    const file = parseDockerfile('ARG V=1\nFROM --platform=linux/arm64 a:$V AS Base\nRUN x\nFROM base\n');
    assert.deepEqual(
      file.globalArgs.map(({ definitions }) => definitions),
      [[{ name: 'V', value: '1' }]],
    );
    assert.deepEqual(
      file.stages.map(({ index, from }) => [index, from.base, from.stageName, from.platform]),
      [
        [0, 'a:$V', 'base', 'linux/arm64'],
        [1, 'base', undefined, undefined],
      ],
    );
  });

  test('COPY and ADD with every flag', () => {
    assert.deepEqual(
      instruction(
        'copy',
        'COPY --from=b --chown=1:2 --chmod=755 --link --parents --exclude=*.md --exclude=x a b /c/',
      ),
      {
        sources: ['a', 'b'],
        inlineFiles: [],
        destination: '/c/',
        chown: '1:2',
        chmod: '755',
        link: true,
        parents: true,
        exclude: ['*.md', 'x'],
        from: 'b',
      },
    );
    assert.deepEqual(
      instruction('add', 'ADD --checksum=sha256:ab --keep-git-dir=true --unpack=false https://x/y.tar /z'),
      {
        sources: ['https://x/y.tar'],
        inlineFiles: [],
        destination: '/z',
        link: false,
        exclude: [],
        checksum: 'sha256:ab',
        keepGitDir: true,
        unpack: false,
      },
    );
  });

  test('COPY from heredocs', () => {
    const { sources, inlineFiles } = instruction('copy', "COPY <<-a.txt x <<'b' /d/\n\thi\n\ta.txt\n$v\nb\n");
    assert.deepEqual(sources, ['x']);
    assert.deepEqual(inlineFiles, [
      { name: 'a.txt', content: 'hi\n', expand: true },
      { name: 'b', content: '$v\n', expand: false },
    ]);
  });

  test('commands in both forms', () => {
    assert.deepEqual(instruction('cmd', 'CMD ["a", "b c"]'), {
      command: { form: 'exec', argv: ['a', 'b c'] },
    });
    assert.deepEqual(instruction('cmd', 'CMD a  b'), {
      command: { form: 'shell', text: 'a  b', heredocs: [] },
    });
    assert.deepEqual(instruction('entrypoint', 'ENTRYPOINT []'), { command: { form: 'exec', argv: [] } });
    assert.deepEqual(instruction('shell', 'SHELL ["/bin/bash", "-c"]'), { argv: ['/bin/bash', '-c'] });
    assert.deepEqual(instruction('run', 'RUN --mount=type=ssh --network=none --security=insecure x'), {
      command: { form: 'shell', text: 'x', heredocs: [] },
      mounts: ['type=ssh'],
      network: 'none',
      security: 'insecure',
    });
  });

  test('what RUN executes', () => {
    assert.deepEqual(run('RUN ["a", "$b"]'), { argv: ['a', '$b'] });
    assert.deepEqual(run('RUN a $b'), { argv: ['/bin/sh', '-c', 'a $b'] });
    assert.deepEqual(run('RUN <<-E\n\ta\n\tb\n\tE\n'), {
      argv: ['/bin/sh', '-c', 'a\nb\n'],
      summary: 'a...',
    });
    assert.deepEqual(run('RUN <<E\n#!/x\na\nE\n'), {
      argv: ['/bin/sh', '-c', '/dev/pipes/E'],
      script: { path: '/dev/pipes/E', content: '#!/x\na\n' },
      summary: '#!/x...',
    });
    assert.deepEqual(run('RUN cat <<E <<F\n1\nE\n2\nF\n'), {
      argv: ['/bin/sh', '-c', 'cat <<E <<F\n1\nE\n2\nF'],
    });
  });

  test('HEALTHCHECK', () => {
    assert.deepEqual(instruction('healthcheck', 'HEALTHCHECK NONE'), { healthcheck: { test: ['NONE'] } });
    assert.deepEqual(
      instruction(
        'healthcheck',
        'HEALTHCHECK --interval=5m --timeout=3s --start-period=0s --retries=2 cmd a b',
      ),
      {
        healthcheck: {
          test: ['CMD-SHELL', 'a b'],
          intervalNs: 300_000_000_000,
          timeoutNs: 3_000_000_000,
          retries: 2,
        },
      },
    );
    assert.deepEqual(instruction('healthcheck', 'HEALTHCHECK CMD ["a"]').healthcheck.test, ['CMD', 'a']);
  });

  test('the others', () => {
    assert.deepEqual(instruction('env', 'ENV a=b c="d e"').variables, [
      { key: 'a', value: 'b' },
      { key: 'c', value: '"d e"' },
    ]);
    assert.deepEqual(instruction('label', 'LABEL a b c').labels, [{ key: 'a', value: 'b c' }]);
    assert.deepEqual(instruction('arg', 'ARG a b= c=d=e').definitions, [
      { name: 'a' },
      { name: 'b', value: '' },
      { name: 'c', value: 'd=e' },
    ]);
    assert.deepEqual(instruction('expose', 'EXPOSE 90 80/udp').ports, ['80/udp', '90']);
    assert.deepEqual(instruction('volume', 'VOLUME ["/a b", "/c"]').paths, ['/a b', '/c']);
    assert.deepEqual(instruction('workdir', 'WORKDIR /a b'), { path: '/a b' });
    assert.deepEqual(instruction('user', 'USER a:b'), { user: 'a:b' });
    assert.deepEqual(instruction('stopsignal', 'STOPSIGNAL SIGINT'), { signal: 'SIGINT' });
    assert.deepEqual(instruction('maintainer', 'MAINTAINER Jo  <j@x>'), { maintainer: 'Jo  <j@x>' });
  });

  test('ONBUILD keeps its trigger, heredocs included', () => {
    const { expression } = instruction('onbuild', 'onbuild COPY <<E /x\nhi\nE\n');
    assert.equal(expression, 'COPY <<E /x\nhi\nE');
    const trigger = parseTrigger(expression);
    assert.deepEqual(trigger.kind === 'copy' && trigger.inlineFiles, [
      { name: 'E', content: 'hi\n', expand: true },
    ]);
    assert.throws(() => parseTrigger('FROM x'), /onbuild trigger should be a single expression/);
  });

  test('a trigger stands where it is run, and so do its errors', () => {
    const source = { name: 'Dockerfile', text: 'FROM a\n\nFROM b\n' };
    const range = { start: { line: 3, column: 1 }, end: { line: 3, column: 7 } };
    assert.deepEqual(parseTrigger('RUN x', { range, source }).range, range);
    assert.throws(() => parseTrigger('RUNN x', { range, source }), {
      message: 'dockerfile parse error in ONBUILD trigger: unknown instruction: RUNN (did you mean RUN?)',
      ranges: [range],
      source,
    });
  });
});

test('errors have the texts users know', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['RUNN x', 'dockerfile parse error on line 2: unknown instruction: RUNN (did you mean RUN?)'],
    ['copyy x', 'dockerfile parse error on line 2: unknown instruction: copyy (did you mean copy?)'],
    ['FOOBAR x', 'dockerfile parse error on line 2: unknown instruction: FOOBAR'],
    ['FROM a b', 'dockerfile parse error on line 2: FROM requires either one or three arguments'],
    [
      'FROM a AS 1b',
      'dockerfile parse error on line 2: invalid name for build stage: "1b", name can\'t start with a number or contain symbols',
    ],
    [
      'COPY a',
      'dockerfile parse error on line 2: COPY requires at least two arguments, but only one was provided. Destination could not be determined',
    ],
    ['COPY a <<E\nx\nE', 'dockerfile parse error on line 2: COPY cannot accept a heredoc as a destination'],
    ['RUN --device=x true', 'dockerfile parse error on line 2: unknown flag: --device'],
    ['COPY --form=x a b', 'dockerfile parse error on line 2: unknown flag: --form (did you mean from?)'],
    ['COPY --from a b', 'dockerfile parse error on line 2: missing a value on flag: --from'],
    [
      'COPY --link=x a b',
      'dockerfile parse error on line 2: expecting boolean value for flag --link, not: x',
    ],
    ['COPY --chown=1 --chown=2 a b', 'dockerfile parse error on line 2: duplicate flag specified: --chown'],
    ['WORKDIR', 'dockerfile parse error on line 2: WORKDIR requires exactly one argument'],
    ['ENV', 'dockerfile parse error on line 2: ENV requires at least one argument'],
    ['ENV =a', 'dockerfile parse error on line 2: ENV names can not be blank'],
    ['ARG =a', 'dockerfile parse error on line 2: ARG names can not be blank'],
    ['SHELL a', 'dockerfile parse error on line 2: SHELL requires the arguments to be in JSON form'],
    [
      'ONBUILD ONBUILD RUN',
      "dockerfile parse error on line 2: Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed",
    ],
    ['ONBUILD FROM a', "dockerfile parse error on line 2: FROM isn't allowed as an ONBUILD trigger"],
    ['HEALTHCHECK X', 'dockerfile parse error on line 2: Unknown type "X" in HEALTHCHECK (try CMD)'],
    ['HEALTHCHECK NONE a', 'dockerfile parse error on line 2: HEALTHCHECK NONE takes no arguments'],
    ['RUN --network=x a', 'dockerfile parse error on line 2: invalid network mode "x"'],
    [
      'RUN --mount=from=$x,target=/a b',
      "dockerfile parse error on line 2: 'from' doesn't support variable expansion, define alias stage instead",
    ],
  ];
  for (const [text, message] of cases)
    assert.throws(
      () => parseDockerfile(`FROM a\n${text}\n`),
      (error) =>
        error instanceof DockerfileError &&
        error.message === message &&
        error.ranges[0]?.start.line === 2 &&
        error.source !== undefined,
      message,
    );
});

test('instructions need a stage', () => {
  assert.throws(
    () => parseDockerfile('RUN x\nFROM a'),
    /^DockerfileError: no build stage in current context$/,
  );
  assert.throws(() => parseDockerfile('ARG x'), /^DockerfileError: dockerfile contains no stages to build$/);
});

test('an error about a flag points at the flag', () => {
  assert.throws(
    () => parseDockerfile('FROM a\nCOPY \\\n  --form=x a b'),
    (error) =>
      error instanceof DockerfileError &&
      error.ranges[0]?.start.line === 3 &&
      error.ranges[0].start.column === 3,
  );
});
