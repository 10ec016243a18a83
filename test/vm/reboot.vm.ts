/** What a machine that restarts in order finds again. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BUSYBOX_ARCHIVE, containersIn, leftoversIn, untilEngineAnswers } from './engine-machine.ts';
import { VirtualMachine } from './virtual-machine.ts';

let machine: VirtualMachine;

before(async () => {
  machine = await VirtualMachine.boot();
  await untilEngineAnswers(machine);
  await machine.ok(`docker load -i ${BUSYBOX_ARCHIVE}`);
  await machine.ok(`docker create --name never bb true
    docker run --name over bb sh -c 'exit 3'
    docker run -d --name plain -v kept:/data -p 8080:80 bb sh -c 'echo line; echo x >>/data/file; echo y >>/own; trap "exit 143" TERM; httpd -f -h / & wait'
    docker run -dt --name terminal bb sleep 1000
    docker run -d --name paused bb sleep 1000
    docker pause paused
    docker run -d --rm --name passing bb sleep 1000`);
  await machine.reboot();
  await untilEngineAnswers(machine);
});
after(() => machine[Symbol.asyncDispose]());

test('what ran was asked to end, or killed; what had ended is as it was, and what was to go with its end is gone', async () => {
  assert.deepEqual(await containersIn(machine), {
    never: 'created 0',
    over: 'exited 3',
    plain: 'exited 143',
    terminal: 'exited 137',
    paused: 'exited 137',
  });
});

test('nothing is left of what ran', async () => {
  assert.deepEqual(await leftoversIn(machine), []);
});

test('logs, files, volumes and published ports are there again with the next start', async () => {
  assert.equal(await machine.ok('docker logs plain'), 'line');
  await machine.ok('docker start plain terminal paused never');
  assert.equal(await machine.ok('docker exec plain cat /data/file'), 'x\nx');
  await machine.ok('busybox wget -qO- http://127.0.0.1:8080/own');
});
