/**
 * The machine loses its power the moment a client has its answer: whatever was acknowledged is there at the next boot,
 * and nothing half-done is. The guest writes nothing back by itself meanwhile, so that only what the engine has synced
 * survives.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import {
  BIG_ARCHIVE,
  BUSYBOX_ARCHIVE,
  containersIn,
  leftoversIn,
  untilEngineAnswers,
} from './engine-machine.ts';
import { VirtualMachine } from './virtual-machine.ts';

let machine: VirtualMachine;

const FILES_OF_BIG = `docker run --rm big sh -c 'cat /one/*/* /two/*/* /three/*/* | wc -c'`;

before(async () => {
  machine = await VirtualMachine.boot();
  await untilEngineAnswers(machine);
  await machine.ok(`docker load -i ${BUSYBOX_ARCHIVE} && sync`);
});
after(() => machine[Symbol.asyncDispose]());
beforeEach(() =>
  machine.ok('mount -o remount,commit=300 / && echo 0 >/proc/sys/vm/dirty_writeback_centisecs'),
);

/** Power goes when the script has succeeded; then everything must be in order again. */
async function acknowledged(script: string): Promise<string> {
  const output = await machine.ok(script);
  await recover();
  return output;
}

async function recover(): Promise<void> {
  await machine.cutPower();
  await untilEngineAnswers(machine);
  assert.deepEqual(await leftoversIn(machine), []);
  await everyBlobIsWhole();
}

async function everyBlobIsWhole(): Promise<void> {
  const wrong = await machine.ok(`cd /var/lib/caisson/content/blobs/sha256
    for blob in *; do [ "$(sha256sum <"$blob")" = "$blob  -" ] || echo "$blob"; done`);
  assert.equal(wrong, '');
}

test('a power cut really loses what was not synced', async () => {
  await machine.ok('echo unsynced >/root/unsynced');
  await recover();
  assert.equal((await machine.run('test -s /root/unsynced')).exitCode, 1);
});

test('a loaded image', async () => {
  await acknowledged(`docker load -i ${BIG_ARCHIVE}`);
  assert.equal(await machine.ok(FILES_OF_BIG), String(3 * 1000 * 8000));
});

test('a tag and a volume', async () => {
  await acknowledged('docker tag big other:v1 && docker volume create --label a=b named');
  assert.match(await machine.ok('docker images -q other:v1'), /./);
  assert.equal(await machine.ok(`docker volume inspect -f '{{.Labels.a}}' named`), 'b');
});

test('a created container', async () => {
  await acknowledged(
    `docker create --name made -e X=1 -v other:/data big sh -c 'echo $X >/data/x; cat /data/x'`,
  );
  assert.equal((await containersIn(machine))['made'], 'created 0');
  assert.equal(await machine.ok('docker start -a made'), '1');
});

test('a started container, and what it wrote into its volume', async () => {
  await acknowledged(`docker run -d --name ran -v named:/data bb sh -c 'echo kept >/data/file; sync; sleep 1000'
    until docker exec ran test -s /data/file; do :; done
    docker exec ran sync`);
  assert.equal((await containersIn(machine))['ran'], 'exited 255');
  assert.equal(await machine.ok('docker run --rm -v named:/data bb cat /data/file'), 'kept');
  await machine.ok('docker start ran');
});

test('a container just started, and others renamed, ended and removed', async () => {
  await machine.ok('docker create --name first bb true; docker create --name second bb true');
  await acknowledged(
    `docker rename first renamed; docker rm second; docker run --name over bb sh -c 'exit 3'
    docker run -d --name running bb sleep 1000`.replace("exit 3'", "exit 3' || true"),
  );
  const states = await containersIn(machine);
  assert.equal(states['renamed'], 'created 0');
  assert.equal(states['second'], undefined);
  assert.equal(states['over'], 'exited 3');
  assert.equal(states['running'], 'exited 255');
});

test('a built image, and a committed one', async () => {
  await acknowledged(`mkdir /root/context && cd /root/context && echo x >file
    printf 'FROM bb\\nCOPY file /file\\nRUN cat /file /file >/twice\\n' >Dockerfile
    DOCKER_BUILDKIT=0 docker build -t built .`);
  assert.equal(await machine.ok('docker run --rm built cat /twice'), 'x\nx');
  await machine.ok('docker run --name source built sh -c "echo y >/more"');
  await acknowledged('docker commit source committed');
  assert.equal(await machine.ok('docker run --rm committed cat /file /more'), 'x\ny');
});

test('starts that power cut short: those acknowledged have ended, of others nothing is left but what runs again', async () => {
  await machine.ok(`for i in 1 2 3 4 5 6 7 8; do docker run -d --name many$i bb sleep 1000 >/root/many$i 2>&1 & done
    until docker ps --format '{{.Names}}' | grep -q many; do :; done`);
  await recover();
  const many = Object.entries(await containersIn(machine)).filter(([name]) => name.startsWith('many'));
  assert.ok(
    many.some(([, state]) => state === 'exited 255'),
    JSON.stringify(many),
  );
  for (const [name, state] of many) {
    assert.match(state, /^(exited 255|created 0)$/, name);
    await machine.ok(`docker start ${name}`);
  }
});

test('a load that power cut short leaves nothing, and succeeds the next time', async () => {
  await machine.ok('docker ps -aq | xargs docker rm -f; docker rmi big other:v1; sync');
  // The blobs of the archive are being written when power goes.
  await machine.ok(`docker load -i ${BIG_ARCHIVE} >/dev/null 2>&1 &
    until [ -n "$(ls /var/lib/caisson/content/ingest)" ]; do :; done`);
  await recover();
  const blobs = await machine.ok('ls /var/lib/caisson/content/blobs/sha256 | wc -l');
  assert.equal(await machine.ok('docker images -q big'), '', `${blobs} blobs`);
  await machine.ok(`docker load -i ${BIG_ARCHIVE}`);
  assert.equal(await machine.ok(FILES_OF_BIG), String(3 * 1000 * 8000));
});
