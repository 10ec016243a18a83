/** `RUN --mount`, `--network`, `--security`, and scripts with an interpreter of their own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { BuiltEngine, sessionOf } from './built-engine.ts';

let engine: BuiltEngine;

before(async () => {
  engine = await BuiltEngine.start();
});

after(async () => {
  await engine[Symbol.asyncDispose]();
});

test('bind: context, stage and image; what is written is thrown away; nothing of it is in the layer', async () => {
  const input = {
    Dockerfile: `FROM bb AS made
RUN mkdir -p /out/deep && echo made > /out/deep/f && ln -s deep/f /out/link
FROM bb
RUN --mount=target=/ctx --mount=type=bind,from=made,source=/out,target=/made --mount=from=bb,source=/etc,target=/image,rw \\
    cat /ctx/a /made/link /image/group | head -n 3; ls /ctx; touch /ctx/x 2>/dev/null || echo read-only; echo y > /image/y; cat /image/y
RUN --mount=target=a,source=a cat /a; ls /ctx 2>/dev/null || echo gone
`,
    files: { a: 'in the context\n', '.dockerignore': 'ignored\n', ignored: 'x' },
  };
  const { id, output, cached } = await engine.build(input);
  assert.match(output, /^in the context\nmade\nroot:x:0:\nDockerfile\na\n/);
  assert.match(output, /\na\nread-only\ny\nin the context\n/);
  assert.match(output, /gone\n$/);
  assert.deepEqual(cached, []);
  assert.deepEqual(await engine.layers(id), []);
  assert.equal((await engine.build(input)).cached.length, 3);
  const changed = { ...input, files: { ...input.files, a: 'changed\n' } };
  assert.equal((await engine.build(changed)).cached.length, 1);
  const ignored = { ...input, files: { ...input.files, ignored: 'changed' } };
  assert.equal((await engine.build(ignored)).cached.length, 3);
});

test('what is ignored is not mounted, and what is around it is as it was', async () => {
  const { output } = await engine.build({
    Dockerfile: "FROM bb\nRUN --mount=target=/ctx stat -c '%a %u' /ctx/closed; ls -A /ctx/closed /ctx\n",
    files: [
      { path: '.dockerignore', content: 'closed/x\nDockerfile\ngone\n', mode: 0o644 },
      { path: 'closed/', mode: 0o700 },
      { path: 'closed/x', content: 'ignored', mode: 0o644 },
      { path: 'closed/y', content: 'seen', mode: 0o644 },
      { path: 'gone/z', content: 'ignored', mode: 0o644 },
    ],
  });
  assert.equal(output, '700 0\n/ctx:\n.dockerignore\nclosed\n\n/ctx/closed:\ny\n');
});

test('what is not there to be mounted is said', async () => {
  for (const options of ['source=nothing,target=/m', 'from=bb,source=/nothing,target=/m'])
    await assert.rejects(
      engine.build({ Dockerfile: `FROM bb\nRUN --mount=${options} true\n` }),
      /failed to calculate checksum of mount source: "\/nothing": not found/,
    );
  await assert.rejects(
    engine.build({ Dockerfile: 'FROM bb\nRUN --mount=type=tmpfs true\n' }),
    /invalid mount target "\/"/,
  );
});

test('what a command writes beside a mount stays, the mount point does not', async () => {
  const { id } = await engine.build({
    Dockerfile: `FROM bb
RUN ln -s /data /alias && rmdir /www
RUN --mount=target=/new/deep/point touch /new/deep/kept
RUN --mount=type=tmpfs,target=/alias/below true
RUN --mount=type=tmpfs,target=/www true
`,
  });
  const [, beside, ...others] = await engine.layers(id);
  assert.deepEqual(beside, ['/new', '/new/deep', '/new/deep/kept']);
  const points = others.flat().filter((path) => path.includes('below') || path.includes('www'));
  assert.deepEqual(points, []);
});

test('tmpfs: size and contents', async () => {
  const { output, id } = await engine.build({
    Dockerfile: `FROM bb
RUN --mount=type=tmpfs,target=/scratch,size=1m df -k /scratch | tail -n 1 | awk '{print $2}'; echo x > /scratch/x
`,
  });
  assert.equal(output, '1024\n');
  assert.deepEqual(await engine.layers(id), []);
});

const appending = (value: string, options = '') => `FROM bb
RUN --mount=type=cache,target=/cache${options} echo ${value} >> /cache/all; cat /cache/all; stat -c '%a %u' /cache
`;

test('cache: kept between builds and engines, not in the key, initial content, owner, prune', async () => {
  assert.equal((await engine.build({ Dockerfile: appending('1') })).output, '1\n755 0\n');
  assert.equal((await engine.build({ Dockerfile: appending('2') })).output, '1\n2\n755 0\n');
  await engine.restart();
  assert.equal((await engine.build({ Dockerfile: appending('3') })).output, '1\n2\n3\n755 0\n');
  assert.equal((await engine.build({ Dockerfile: appending('3') })).cached.length, 1);
  const owned = ',id=owned,uid=1000,mode=0700';
  assert.equal((await engine.build({ Dockerfile: appending('1', owned) })).output, '1\n700 1000\n');
  const initial = await engine.build({
    Dockerfile: `FROM bb AS first
RUN mkdir /start && echo begin > /start/all
FROM bb
RUN --mount=type=cache,id=started,target=/cache,from=first,source=/start cat /cache/all
`,
  });
  assert.equal(initial.output, 'begin\n');
  const { spaceReclaimed } = await engine.engine.builds.prune();
  assert.ok(spaceReclaimed > 0);
  assert.equal((await engine.build({ Dockerfile: appending('4') })).output, '4\n755 0\n');
});

/** What two commands, that each put a file into the cache, find in it. */
async function counts(sharing: string, meet: string): Promise<readonly number[]> {
  const run = async (value: string) => {
    const { output } = await engine.build({
      Dockerfile: `FROM bb
RUN --mount=type=cache,id=${sharing},sharing=${sharing},target=/c --mount=type=cache,id=meet-${sharing},target=/meet \\
    echo in > /c/${value}; echo in > /meet/${value}; ${meet}; ls /c | wc -l; rm /c/${value}
`,
    });
    return Number(output.trim());
  };
  const both = await Promise.all([run('one'), run('two')]);
  return both.toSorted((a, b) => a - b);
}

test('cache sharing: locked waits, private has one of its own, shared is shared', async () => {
  const bothAreThere = 'until [ -e /meet/one ] && [ -e /meet/two ]; do sleep 0.02; done';
  const [locked, own, shared] = await Promise.all([
    counts('locked', 'sleep 0.3'),
    counts('private', bothAreThere),
    counts('shared', bothAreThere),
  ]);
  assert.deepEqual(locked, [1, 1]);
  assert.deepEqual(own, [1, 1]);
  // The first to look sees both.
  assert.equal(shared?.at(-1), 2);
});

const SECRET = 'correct-horse-battery-staple';

test('secrets: file and variable, owner and mode; in no layer, history, key or file', async () => {
  const session = sessionOf({ secrets: { token: SECRET, second: `${SECRET}-2` } });
  const Dockerfile = `FROM bb
RUN --mount=type=secret,id=token cmp -s /run/secrets/token /proc/self/environ; wc -c < /run/secrets/token; stat -c '%a %u:%g' /run/secrets/token
RUN --mount=type=secret,id=second,target=/s,mode=0444,uid=1000,env=SECOND stat -c '%a %u:%g' /s; echo \${#SECOND}; grep -c . /s
RUN --mount=type=secret,id=token,env=TOKEN echo \${#TOKEN}; ls /run/secrets 2>/dev/null | wc -l
RUN --mount=type=secret,id=absent ls /run/secrets 2>/dev/null | wc -l
`;
  const { id, output } = await engine.build({ Dockerfile, session });
  assert.equal(output, '28\n400 0:0\n444 1000:0\n30\n1\n28\n0\n0\n');
  assert.deepEqual(await engine.layers(id), []);
  const other = sessionOf({ secrets: { token: 'another', second: 'another' } });
  assert.equal((await engine.build({ Dockerfile, session: other })).cached.length, 4);
  await assert.rejects(
    engine.build({ Dockerfile: 'FROM bb\nRUN --mount=type=secret,id=absent,required true\n', session }),
    /secret absent: not found/,
  );
  assert.equal(grep(SECRET, engine.traces.directory), '');
  assert.notEqual(grep('root:x:0:', engine.traces.directory), '');
});

/** Names of files that hold the text; what goes meanwhile does not count. */
function grep(text: string, directory: string): string {
  return spawnSync('grep', ['-r', '-l', '-a', '-s', '--', text, directory], { encoding: 'utf8' }).stdout;
}

test('ssh: the agent of the client, at its socket', async () => {
  const session = sessionOf({ agents: { default: (text) => `agent heard ${text}` } });
  const Dockerfile = `FROM bb
RUN --mount=type=ssh,uid=1000,mode=0660 --mount=type=cache,id=sync,target=/sync \\
    echo $SSH_AUTH_SOCK; stat -c '%F %a %u' $SSH_AUTH_SOCK; until [ -e /sync/done ]; do sleep 0.02; done
RUN --mount=type=ssh,id=other echo "[$SSH_AUTH_SOCK]"
`;
  let output = '';
  for await (const event of engine.events({ Dockerfile, session })) {
    if (event.type === 'output') output += event.data.toString();
    if (event.type !== 'output' || !output.endsWith('1000\n')) continue;
    // The socket itself: no program of the image speaks to one.
    assert.equal(
      await ask(pathBelow(join(engine.traces.root, 'builds'), 'agent'), 'hello'),
      'agent heard hello',
    );
    const caches = join(engine.traces.root, 'builds/caches');
    for (const name of readdirSync(caches)) writeFileSync(join(caches, name, 'done'), '');
  }
  assert.equal(output, '/run/buildkit/ssh_agent.0\nsocket 660 1000\n[]\n');
});

async function ask(path: string, question: string): Promise<string> {
  const socket = connect(path);
  socket.end(question);
  return await text(socket);
}

function pathBelow(directory: string, name: string): string {
  const found = readdirSync(directory, { recursive: true, encoding: 'utf8' }).find(
    (path) => basename(path) === name,
  );
  return join(directory, found ?? '');
}

test('a heredoc with an interpreter of its own; SHELL; several heredocs', async () => {
  const { output } = await engine.build({
    Dockerfile: `FROM bb
RUN <<EOF
#!/bin/awk -f
BEGIN { print "awk", 6 * 7 }
EOF
SHELL ["/bin/sh", "-ec"]
RUN <<A cat; cat <<B
first
A
second
B
RUN <<-'END'
	echo "$HOME"
END
`,
  });
  assert.equal(output, 'awk 42\nfirst\nsecond\n/root\n');
});

test('networks and privileges are given to those who are allowed them', async () => {
  const look = 'readlink /proc/self/ns/net; grep CapEff /proc/self/status | cut -f2';
  const Dockerfile = `FROM bb\nRUN --network=host ${look}\nRUN --security=insecure ${look}\n`;
  await assert.rejects(engine.build({ Dockerfile }), /network\.host is not allowed/);
  await assert.rejects(
    engine.build({ Dockerfile, entitlements: ['network.host'] }),
    /security\.insecure is not allowed/,
  );
  const { output } = await engine.build({ Dockerfile, entitlements: ['network.host', 'security.insecure'] });
  const [ofHost, ordinary, own, insecure] = output.split('\n');
  assert.equal(ofHost, readlinkSync('/proc/self/ns/net'));
  assert.match(own ?? '', /^net:\[\d+\]$/);
  assert.notEqual(own, ofHost);
  assert.equal(ordinary, '00000000a80425fb');
  assert.match(insecure ?? '', /^000001ff/);
});
