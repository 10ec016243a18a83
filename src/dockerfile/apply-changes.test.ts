import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import { applyChanges } from './apply-changes.ts';

describe('applyChanges', () => {
  const cases: readonly (readonly [changes: readonly string[], expected: ImageDefaults])[] = [
    [['CMD ["a","b c"]'], { Cmd: ['a', 'b c'] }],
    [['cmd echo $HOME'], { Cmd: ['/bin/sh', '-c', 'echo $HOME'] }],
    [['CMD [not json]'], { Cmd: ['/bin/sh', '-c', '[not json]'] }],
    [['ENTRYPOINT ["x"]', 'CMD ["y"]'], { Entrypoint: ['x'], Cmd: ['y'] }],
    [['ENV A=1 B="two words" C=three\\ words'], { Env: ['A=1', 'B=two words', 'C=three words'] }],
    [['ENV NAME the rest "stays"'], { Env: ['NAME=the rest stays'] }],
    [['ENV A=1', 'ENV A=2 B=$A', 'ENV C=${B}x${D:-d}${A:+set}'], { Env: ['A=2', 'B=1', 'C=1xdset'] }],
    [['ENV A=\'$B\' C=\\$D E="a\\"b"'], { Env: ['A=$B', 'C=$D', 'E=a"b'] }],
    [
      ['EXPOSE 80 53/udp 8000-8001'],
      { ExposedPorts: { '80/tcp': {}, '53/udp': {}, '8000/tcp': {}, '8001/tcp': {} } },
    ],
    [['LABEL a=b "c d"="e f"'], { Labels: { a: 'b', 'c d': 'e f' } }],
    [['USER me', 'STOPSIGNAL SIGINT'], { User: 'me', StopSignal: 'SIGINT' }],
    [['VOLUME ["/a b"]', 'VOLUME /c /d'], { Volumes: { '/a b': {}, '/c': {}, '/d': {} } }],
    [['WORKDIR a', 'WORKDIR ../b', 'WORKDIR c'], { WorkingDir: '/b/c' }],
    [['ONBUILD RUN x'], { OnBuild: ['RUN x'] }],
    [
      ['HEALTHCHECK --interval=5s --retries=3 CMD ["ok"]'],
      { Healthcheck: { Interval: 5e9, Retries: 3, Test: ['CMD', 'ok'] } },
    ],
    [['HEALTHCHECK CMD curl x'], { Healthcheck: { Test: ['CMD-SHELL', 'curl x'] } }],
    [['HEALTHCHECK NONE'], { Healthcheck: { Test: ['NONE'] } }],
    [['ENV A=xax B=${A#x} C=${A/x/y} D=${A%x}'], { Env: ['A=xax', 'B=', 'C=', 'D='] }],
    [['ENV A=xax', 'ENV B=${A#x} C=${A/x/y} D=${A//x/y}'], { Env: ['A=xax', 'B=ax', 'C=yax', 'D=yay'] }],
    [['# a comment', 'ENV A=1 \\\n  B=2'], { Env: ['A=1', 'B=2'] }],
    [['CMD a\nUSER b', ''], { Cmd: ['/bin/sh', '-c', 'a'], User: 'b' }],
  ];
  for (const [changes, expected] of cases)
    it(changes.join('; '), () => assert.deepEqual(applyChanges({}, changes), expected));

  it('takes back a CMD that came with the image when it sets an ENTRYPOINT', () => {
    assert.deepEqual(applyChanges({ Cmd: ['old'], User: 'kept' }, ['ENTRYPOINT x']), {
      Entrypoint: ['/bin/sh', '-c', 'x'],
      User: 'kept',
    });
  });

  it('expands with the variables that stand there', () => {
    const config = { Env: ['PATH=/usr/bin:/bin', 'A=axa'], WorkingDir: '/srv' };
    const changes = [
      'ENV PATH=/opt/bin:$PATH B=${A#a} C=${A:?no} D=${A/a/b}',
      'WORKDIR $B',
      'USER ${NONE:-me}',
    ];
    assert.deepEqual(applyChanges(config, changes), {
      Env: ['PATH=/opt/bin:/usr/bin:/bin', 'A=axa', 'B=xa', 'C=axa', 'D=bxa'],
      WorkingDir: '/srv/xa',
      User: 'me',
    });
  });

  it("takes BuildKit's mark off with the command that had it", () => {
    const config = { Cmd: ['old'], ArgsEscaped: true };
    assert.deepEqual(applyChanges(config, ['USER me']), { ...config, User: 'me' });
    assert.deepEqual(applyChanges(config, ['CMD ["new"]']), { Cmd: ['new'] });
  });

  const refused: readonly (readonly [change: string, message: RegExp])[] = [
    ['RUN x', /^RUN is not a valid change command$/],
    ['ENV A', /must have two arguments/],
    ['ENV A=1 B', /can't find = in "B"/],
    ['ENV A="x', /looking for matching double-quote/],
    ['ENV A=${B', /missing '}'/],
    ['EXPOSE http', /invalid containerPort: http/],
    ['EXPOSE 70000', /invalid containerPort/],
    ['ONBUILD ONBUILD CMD x', /^Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed$/],
    ['HEALTHCHECK curl', /Unknown type/],
    ['HEALTHCHECK --bad=1 CMD x', /^unknown flag: --bad$/],
    ['HEALTHCHECK --interval=x CMD y', /invalid duration/],
    ['SHELL ["/bin/bash"]', /^SHELL is not a valid change command$/],
    ['CMD x\nRUN y', /^RUN is not a valid change command$/],
    ['STOPSIGNAL nonsense', /^invalid signal: nonsense$/],
    ['STOPSIGNAL 0', /^invalid signal: 0$/],
    ['WORKDIR ""', /^cannot normalize nothing$/],
    ['ENV B=${A?gone}', /A: gone$/],
    ['', /^file with no instructions$/],
  ];
  for (const [change, message] of refused)
    it(`refuses ${change}`, () => {
      assert.throws(
        () => applyChanges({}, [change]),
        (error) => isEngineError(error, 'invalid') && message.test(error.message),
      );
    });
});
