/** Containers on cgroup v2 under systemd, with each runtime. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  BUSYBOX_ARCHIVE,
  containersIn,
  crashEngine,
  leftoversIn,
  untilEngineAnswers,
} from './engine-machine.ts';
import { VirtualMachine } from './virtual-machine.ts';

let machine: VirtualMachine;

before(async () => {
  machine = await VirtualMachine.boot();
  await untilEngineAnswers(machine);
  await machine.ok(`docker load -i ${BUSYBOX_ARCHIVE}`);
});
after(() => machine[Symbol.asyncDispose]());

const TICKING = `sh -c 'i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.1; done'`;

/** The directory of a running container's control group. */
const groupOf = (name: string) =>
  `/sys/fs/cgroup$(cut -d: -f3 /proc/$(docker inspect -f '{{.State.Pid}}' ${name})/cgroup)`;

test('this is a system of its own: systemd is process 1, and version 2 is all there is of cgroups', async () => {
  assert.equal(await machine.ok('cat /proc/1/comm'), 'systemd');
  assert.equal(await machine.ok('stat -fc %T /sys/fs/cgroup'), 'cgroup2fs');
  assert.equal(await machine.ok(`docker info -f '{{.CgroupVersion}} {{.DefaultRuntime}}'`), '2 crun');
});

for (const runtime of ['crun', 'runc']) {
  describe(runtime, () => {
    before(async () => {
      await machine.ok(
        `echo FLAGS=--network-pool 4 --default-runtime ${runtime} >/etc/default/caisson && systemctl restart caisson`,
      );
      await untilEngineAnswers(machine);
    });
    after(() => machine.ok('docker ps -aq | xargs -r docker rm -f'));

    test('limits are in the container’s control group, which it sees as the root of its own', async () => {
      const limits = '-m 32m --memory-swap 32m --pids-limit 50 --cpus 0.5';
      const files = 'memory.max memory.swap.max pids.max cpu.max';
      const output = await machine.ok(
        `docker run --rm ${limits} bb sh -c 'cat /proc/self/cgroup; cd /sys/fs/cgroup; cat ${files}'`,
      );
      assert.deepEqual(output.split('\n'), ['0::/', String(32 << 20), '0', '50', '50000 100000']);
    });

    test('more processes than allowed are refused', async () => {
      const script = 'for i in 1 2 3 4 5 6 7 8; do sleep 2 & done; wait';
      const outcome = await machine.run(`docker run --rm --pids-limit 5 bb sh -c '${script}'`);
      assert.equal(outcome.exitCode, 2);
      assert.match(outcome.stderr, /can't fork: Resource temporarily unavailable/);
    });

    test('a container that eats all its memory is killed, and said to be', async () => {
      const script = 'x=a; while :; do x=$x$x; done';
      const outcome = await machine.run(
        `docker run --name eater -m 24m --memory-swap 24m bb sh -c '${script}'`,
      );
      assert.equal(outcome.exitCode, 137);
      const state = await machine.ok(`docker inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' eater`);
      assert.equal(state, 'true 137');
    });

    test('exec, top, stats, update and pause of a running container', async () => {
      await machine.ok(`docker run -d --name worker -m 64m --memory-swap 64m bb ${TICKING}`);
      assert.match(await machine.ok('docker exec worker cat /proc/self/cgroup'), /^0::\/$/);
      assert.equal((await machine.run(`docker exec worker sh -c 'exit 5'`)).exitCode, 5);
      assert.match(await machine.ok('docker top worker'), /tick/);
      const stats = await machine.ok(`docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' worker`);
      assert.match(stats, /iB \/ 64MiB [12]$/);
      await machine.ok('docker update -m 100m --memory-swap 100m --pids-limit 33 worker');
      const limits = await machine.ok(`cd ${groupOf('worker')} && cat memory.max pids.max`);
      assert.equal(limits, `${100 << 20}\n33`);
      await machine.ok('docker pause worker');
      assert.match(await machine.ok(`cat ${groupOf('worker')}/cgroup.events`), /frozen 1/);
      await machine.ok('docker unpause worker');
      assert.match(await machine.ok(`cat ${groupOf('worker')}/cgroup.events`), /frozen 0/);
    });

    test('systemd leaves limits alone when it reads its units again', async () => {
      const limits = `cd ${groupOf('worker')} && cat memory.max pids.max`;
      const asSet = await machine.ok(limits);
      await machine.ok('systemctl daemon-reload');
      assert.equal(await machine.ok(limits), asSet);
    });

    test('a terminal: size, input, exit code', async () => {
      const script = `stty rows 44 columns 101; docker run -it --rm bb sh -c "stty size; tty; exit 6"`;
      const outcome = await machine.run(`script -qec '${script}' /dev/null </dev/null`);
      // script(1) passes the end of its input on as a NUL, which the terminal echoes.
      assert.match(outcome.stdout.replace('^@', ''), /44 101\r\n\/dev\/pts\/0\r\n/);
      assert.equal(outcome.exitCode, 6);
    });

    test('containers go on while the daemon is killed, and the next one has them all', async () => {
      await machine.ok(`docker run -d --name plain bb ${TICKING}`);
      await machine.ok(`docker run -dt --name terminal bb ${TICKING}`);
      await machine.ok(`docker run -d --name short bb sh -c 'sleep 1; echo bye; exit 7'`);
      await crashEngine(machine);
      await machine.ok(`until [ "$(docker wait short)" = 7 ]; do :; done`);
      const states = await containersIn(machine);
      assert.equal(states['plain'], 'running 0');
      assert.equal(states['terminal'], 'running 0');
      assert.equal(states['short'], 'exited 7');
      assert.equal(await machine.ok('docker logs short'), 'bye');
      for (const name of ['plain', 'terminal']) {
        const lines = (await machine.ok(`docker logs ${name}`)).trim().split(/\r?\n/);
        assert.deepEqual(
          lines,
          lines.map((_, index) => `tick ${index + 1}`),
          `every line of ${name}`,
        );
      }
      assert.equal(await machine.ok('docker exec terminal echo here'), 'here');
    });

    test('nothing is left of containers that are gone', async () => {
      await machine.ok('docker ps -aq | xargs -r docker rm -f');
      assert.deepEqual(await leftoversIn(machine), []);
    });
  });
}
