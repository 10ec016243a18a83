import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from '#dockerfile/dockerfile.ts';
import { bind, cache, copy, dockerfileOf, from, http, local, run, scratch, secret } from './index.ts';

const lines = (state: Parameters<typeof dockerfileOf>[0]) => {
  const { text } = dockerfileOf(state);
  parseDockerfile(text);
  return text.trim().split('\n');
};

test('every operation is a line, in order', () => {
  const state = from('debian:trixie')
    .env({ A: 'two words', PRICE: '$5 "net"' })
    .workdir('/work dir')
    .run('apt-get update')
    .run(['touch', '/a b'])
    .user('nobody')
    .expose(80, '53/udp')
    .volume('/data')
    .label({ 'org.example.title': 'x\\y' })
    .stopSignal('SIGUSR1')
    .healthcheck('true', { intervalSeconds: 5, retries: 2 })
    .entrypoint(['cat'])
    .cmd('a');
  assert.deepEqual(lines(state), [
    'FROM debian:trixie AS stage0',
    'ENV A="two words" PRICE="\\$5 \\"net\\""',
    'WORKDIR /work dir',
    'RUN apt-get update',
    'RUN ["touch","/a b"]',
    'USER nobody',
    'EXPOSE 80 53/udp',
    'VOLUME ["/data"]',
    'LABEL org.example.title="x\\\\y"',
    'STOPSIGNAL SIGUSR1',
    'HEALTHCHECK --interval=5s --retries=2 CMD true',
    'ENTRYPOINT ["cat"]',
    'CMD a',
  ]);
});

test('commands that a line cannot hold are lists with the shell in front', () => {
  for (const command of ['a\nb', 'cat <<EOF', ' leading', '[ -e x ]', 'trailing \\', '--x', '#c'])
    assert.deepEqual(
      lines(scratch().run(command)).at(-1),
      `RUN ${JSON.stringify(['/bin/sh', '-c', command])}`,
    );
  const shelled = scratch().shell('/bin/bash', '-ec').run('a\nb');
  assert.equal(lines(shelled).at(-1), `RUN ${JSON.stringify(['/bin/bash', '-ec', 'a\nb'])}`);
});

test('states that several need are stages of their own, written once', () => {
  const base = from('debian').run('apt-get update');
  const tools = base.run('make tools');
  const result = base.with(
    run('make'),
    copy({ from: tools, paths: '/tools', to: '/' }),
    copy({ from: base }),
  );
  assert.deepEqual(lines(result), [
    'FROM debian AS stage0',
    'RUN apt-get update',
    '',
    'FROM stage0 AS stage1',
    'RUN make tools',
    '',
    'FROM stage0 AS stage2',
    'RUN make',
    'COPY --from=stage1 ["/tools","/"]',
    'COPY --from=stage0 ["/","./"]',
  ]);
});

test('files come from directories, images and URLs', () => {
  const source = local('/src', { ignore: ['*.log'] });
  const state = scratch()
    .copy({ from: source, paths: ['a', 'b c'], to: '/d/', owner: '1:2', mode: '0640', exclude: ['*.o'] })
    .copy({ from: from('busybox'), paths: '/bin', to: '/bin', link: true })
    .copy({ from: http('https://example.org/$x', { checksum: 'sha256:00' }), to: '/x' });
  const { text, directories } = dockerfileOf(state);
  const [name = ''] = directories.keys();
  assert.deepEqual([...directories.values()], [source]);
  assert.deepEqual(text.trim().split('\n').slice(1), [
    `COPY --from=${name} --chown=1:2 --chmod=0640 --exclude=*.o ["a","b c","/d/"]`,
    'COPY --from=busybox --link ["/bin","/bin"]',
    'ADD --checksum=sha256:00 ["https://example.org/\\\\$x","/x"]',
  ]);
});

test('mounts', () => {
  const made = scratch().workdir('/x');
  const state = from('debian').run('make', {
    mounts: [
      cache('/root/.cache', { sharing: 'locked', owner: { uid: 1, gid: 2 } }),
      bind('/src', { from: made, source: '/x' }),
      secret('token', { env: 'TOKEN', required: true }),
    ],
    network: 'none',
  });
  assert.equal(
    lines(state).at(-1),
    'RUN --mount=type=cache,target=/root/.cache,sharing=locked,uid=1,gid=2 ' +
      '--mount=type=bind,target=/src,from=stage0,source=/x ' +
      '--mount=type=secret,id=token,env=TOKEN,required=true --network=none make',
  );
});

test('a command of a shared state is not taken back by ENTRYPOINT', () => {
  const base = from('debian').cmd(['default']);
  const result = base.entrypoint(['/bin/x']).copy({ from: base });
  assert.deepEqual(lines(result).slice(3, 6), [
    'FROM stage0 AS stage1',
    'ENTRYPOINT ["/bin/x"]',
    'CMD ["default"]',
  ]);
});

test('what no Dockerfile can hold is refused', () => {
  assert.throws(() => lines(scratch().env({ A: 'a\nb' })), /line breaks/);
  assert.throws(() => lines(scratch().env({ 'A B': '' })), /"A B" as a name/);
  assert.throws(() => lines(scratch().copy({ from: local('.'), owner: 'a b' })), /blanks/);
  assert.throws(() => lines(scratch().copy({ from: http('http://x'), paths: 'a' })), /not for URLs/);
});
