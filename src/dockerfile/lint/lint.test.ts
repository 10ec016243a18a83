import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseDockerfile } from '../dockerfile.ts';
import { compileIgnore } from '#oci/ignore.ts';
import { type LintContext, lintDockerfile, lintFailureMessage } from './lint.ts';
import { RULES } from './lint-rules.ts';

const CONTEXT: LintContext = {
  scope: {
    buildArgs: new Map(),
    buildPlatform: { os: 'linux', architecture: 'amd64' },
    targetPlatform: { os: 'linux', architecture: 'amd64' },
    targetStage: '',
  },
  imageOf: () => ({ environment: new Map([['JAVA_HOME', '/java']]) }),
};

function lint(text: string, context: Partial<LintContext> = {}): string[] {
  return lintDockerfile(parseDockerfile(text), { ...CONTEXT, ...context }).warnings.map(
    ({ rule, message, range }) => `${rule.name}: ${message} (line ${range.start.line})`,
  );
}

suite('docker build --check', () => {
  test('a good file has no warnings', () => {
    assert.deepEqual(
      lint(
        '# syntax=docker/dockerfile:1\nARG V=1\nFROM a:$V AS b\nARG X\nENV Y=$X$JAVA_HOME$PATH\nWORKDIR /a\nWORKDIR b\nCMD ["a"]\n',
      ),
      [],
    );
  });

  test('each rule', () => {
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['FROM a AS Build', ["StageNameCasing: Stage name 'Build' should be lowercase (line 1)"]],
      ['FROM a as b', ["FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)"]],
      [
        'FROM a\nENTRYPOINT ["ping"] # Le process',
        [
          'TrailingComment: Ignored what follows the JSON array, "# Le process": a comment should stand on a line of its own (line 2)',
        ],
      ],
      ['FROM a\nRUN a \\\n\n b', ['NoEmptyContinuation: Empty continuation line (line 4)']],
      [
        'FROM a\nrun a\nRUN b',
        [
          "ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase) (line 2)",
        ],
      ],
      [
        'from a\nrun b\nRun c',
        [
          "ConsistentInstructionCasing: Command 'Run' should match the case of the command majority (lowercase) (line 3)",
        ],
      ],
      [
        'FROM a AS b\nFROM c AS b',
        ['DuplicateStageName: Duplicate stage name "b", stage names should be unique (line 2)'],
      ],
      [
        'FROM a AS scratch',
        ['ReservedStageName: Stage name should not use the same name as reserved stage "scratch" (line 1)'],
      ],
      [
        'FROM a\nCMD x',
        [
          'JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals (line 2)',
        ],
      ],
      ['FROM a\nSHELL ["x"]\nCMD x', []],
      [
        'FROM a\nMAINTAINER x',
        ['MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (line 2)'],
      ],
      [
        'ARG VERSION=1\nFROM a:$VERSON',
        [
          'InvalidDefaultArgInFrom: Default value for ARG a:$VERSON results in empty or invalid base image name (line 2)',
          "UndefinedArgInFrom: FROM argument 'VERSON' is not declared (did you mean VERSION?) (line 2)",
        ],
      ],
      [
        'ARG V\nFROM a:${V}',
        [
          'InvalidDefaultArgInFrom: Default value for ARG a:${V} results in empty or invalid base image name (line 2)',
        ],
      ],
      [
        'FROM a\nWORKDIR x\nWORKDIR y',
        [
          'WorkdirRelativePath: Relative workdir "x" can have unexpected results if the base image changes (line 2)',
        ],
      ],
      [
        'FROM a\nARG NAME\nCOPY $NMAE $NAME /x',
        ["UndefinedVar: Usage of undefined variable '$NMAE' (line 3)"],
      ],
      [
        'FROM a\nCOPY $PAHT /x',
        ["UndefinedVar: Usage of undefined variable '$PAHT' (did you mean $PATH?) (line 2)"],
      ],
      [
        'FROM a\nCMD ["a"]\nCMD ["b"]',
        [
          'MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used (line 2)',
        ],
      ],
      [
        'FROM a\nENV a b',
        [
          'LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format (line 2)',
        ],
      ],
      [
        'FROM --platform=$TARGETPLATFORM a',
        [
          'RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior (line 1)',
        ],
      ],
      [
        'FROM --platform=linux/arm64 a',
        [
          'FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/arm64" (line 1)',
        ],
      ],
      ['FROM --platform=linux/arm64 a AS build-arm64', []],
      [
        'FROM a\nARG API_KEY\nENV DB_PASSWORD=x KEY_FILE=y MONKEY=z',
        [
          'SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "API_KEY") (line 2)',
          'SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "DB_PASSWORD") (line 3)',
        ],
      ],
      [
        'FROM a\nEXPOSE 80/TCP 1:2',
        [
          "ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '1:2' (line 2)",
          "ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase (line 2)",
        ],
      ],
    ];
    for (const [text, expected] of cases) assert.deepEqual(lint(text).toSorted(), expected.toSorted(), text);
  });

  test('files the context does not have', () => {
    const ignore = compileIgnore(['x', 'd/*']);
    assert.deepEqual(
      lint('FROM a\nCOPY x d/e y /\nCOPY --from=b x /\nADD https://x/x /\nADD ./x/ /\n', { ignore }),
      [
        'CopyIgnoredFile: Attempting to Copy file "x" that is excluded by .dockerignore (line 2)',
        'CopyIgnoredFile: Attempting to Copy file "d/e" that is excluded by .dockerignore (line 2)',
        'CopyIgnoredFile: Attempting to Add file "x" that is excluded by .dockerignore (line 5)',
      ],
    );
    assert.equal(lint('FROM a\nCOPY . /', { ignore: compileIgnore(['*']) }).length, 1);
    assert.equal(lint('FROM a\nCOPY . /', { ignore }).length, 0);
  });

  test('rules can be switched off, and on', () => {
    const text = 'FROM a AS Build\nMAINTAINER x\n';
    assert.equal(lint(`# check=skip=all\n${text}`).length, 0);
    assert.equal(lint(`# check=skip=StageNameCasing, MaintainerDeprecated\n${text}`).length, 1);
    assert.equal(lint('FROM a\n# check=skip=MaintainerDeprecated\nMAINTAINER x\n').length, 0);
    const described = '# wrong words\nARG A\nFROM a\n';
    assert.equal(lint(described).length, 0);
    assert.deepEqual(lint(`# check=experimental=all\n${described}`), [
      'InvalidDefinitionDescription: Comment for ARG should follow the format: `# A <description>` (line 3)',
    ]);
    assert.throws(() => lint('# check=oops\nFROM a'), /invalid check option "oops"/);
  });

  test('warnings as errors, and an error that ends checking', () => {
    const result = lintDockerfile(parseDockerfile('# check=error=true\nFROM a AS B\n'), CONTEXT);
    assert.equal(result.isFailure, true);
    assert.equal(lintFailureMessage(result.warnings), 'lint violation found for rules: StageNameCasing');
    const broken = lintDockerfile(parseDockerfile('FROM a AS B\nCOPY --from=9 x y\n'), CONTEXT);
    assert.equal(broken.error?.message, 'invalid stage index 9');
    assert.equal(broken.warnings.length, 1);
  });

  test('only what the target needs', () => {
    const text = 'FROM a AS x\nENV a b\nFROM a AS y\n';
    assert.equal(lint(text).length, 1);
    assert.equal(lint(text, { target: 'y' }).length, 0);
  });

  test('an unknown image may define any variable', () => {
    assert.deepEqual(lint('FROM a\nCOPY $X /', { imageOf: () => undefined }), []);
    assert.equal(lint('FROM scratch\nCOPY $X /', { imageOf: () => undefined }).length, 1);
    const triggers = { environment: new Map(), hasTriggers: true };
    assert.deepEqual(lint('FROM a\nCOPY $X /', { imageOf: () => triggers }), []);
  });

  test('triggers of a stage may define variables of those on it', () => {
    assert.deepEqual(lint('FROM a AS b\nONBUILD ENV X=1\nFROM b AS c\nCOPY $X /\nFROM c\nCOPY $X /'), []);
    assert.equal(lint('FROM a AS b\nONBUILD ENV X=1\nCOPY $X /').length, 1);
  });

  test('an image for another platform than asked for', () => {
    const actual = { os: 'linux', architecture: 'arm64', variant: 'v8' };
    const imageOf = (_: unknown, platform = CONTEXT.scope.targetPlatform) => ({
      environment: new Map(),
      platforms: { actual, expected: platform },
    });
    assert.deepEqual(lint('FROM a', { imageOf }), [
      'InvalidBaseImagePlatform: Base image a was pulled with platform "linux/arm64/v8", expected "linux/amd64" for current build (line 1)',
    ]);
    assert.deepEqual(lint('FROM --platform=linux/arm64 a AS arm64', { imageOf }), []);
  });

  test('pages are where Docker has them', () => {
    assert.equal(
      RULES.jsonArgsRecommended.url,
      'https://docs.docker.com/go/dockerfile/rule/json-args-recommended/',
    );
    assert.equal(RULES.undefinedVar.url, 'https://docs.docker.com/go/dockerfile/rule/undefined-var/');
    assert.equal(
      RULES.secretsUsedInArgOrEnv.url,
      'https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/',
    );
  });
});
