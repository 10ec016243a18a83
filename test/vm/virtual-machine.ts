import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Hello, Order } from './agent-messages.ts';

/** What scripts/vm.sh has made: a kernel, its initrd, the system's disk and the project's. */
const IMAGES = join(import.meta.dirname, '../../build/vm');
/** Emulation takes its time, on a busy machine most of all. */
const BOOT_TIMEOUT_MS = 600_000;
const RUN_TIMEOUT_MS = 300_000;
/** `kvm` where the machine has it and makes the tests many times faster. */
const ACCELERATOR = process.env['CAISSON_VM_ACCEL'] ?? 'tcg';

/**
 * A Debian of its own with systemd and cgroup v2, on a fresh copy of the system's disk. Disposing it leaves nothing.
 */
export class VirtualMachine implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(IMAGES, 'machine-'));
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #orders = 0;
  #hello = Promise.withResolvers<string>();
  #qemu: ChildProcess | undefined;
  #port: Socket | undefined;

  /** Resolves when the system is up. */
  static async boot(): Promise<VirtualMachine> {
    const machine = new VirtualMachine();
    try {
      execFileSync('cp', ['--sparse=always', join(IMAGES, 'system.ext4'), machine.#disk]);
      await machine.#switchOn();
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
    return machine;
  }

  /** Runs a shell script as root. */
  async run(
    script: string,
    options: { readonly input?: string; readonly timeoutMs?: number } = {},
  ): Promise<Answer> {
    const id = ++this.#orders;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#answers.set(id, resolve);
    const order: Order = { id, script, ...(options.input !== undefined && { input: options.input }) };
    this.#port?.write(`${JSON.stringify(order)}\n`);
    return await withTimeout(
      promise,
      options.timeoutMs ?? RUN_TIMEOUT_MS,
      () => `${script}\n${this.console()}`,
    );
  }

  /** The same, and an error unless it succeeds. Answers its standard output without the last newline. */
  async ok(script: string, options?: Parameters<VirtualMachine['run']>[1]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(script, options);
    assert.equal(exitCode, 0, `${script}\nexited ${exitCode}: ${stderr}${stdout}`);
    return stdout.replace(/\n$/, '');
  }

  /** An orderly reboot, as systemd does it. */
  async reboot(): Promise<void> {
    this.#hello = Promise.withResolvers();
    await this.ok('systemctl --no-block reboot');
    await this.#untilUp();
  }

  /** The machine is gone in this moment; what it had not written to its disk is lost. Then it is switched on again. */
  async cutPower(): Promise<void> {
    await this.#switchOff();
    await this.#switchOn();
  }

  /** What the kernel said last. */
  console(): string {
    return readFileSync(join(this.#directory, 'console'), 'utf8').slice(-3000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#switchOff();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #disk(): string {
    return join(this.#directory, 'disk');
  }

  async #switchOn(): Promise<void> {
    this.#hello = Promise.withResolvers();
    const socket = join(this.#directory, 'port');
    rmSync(socket, { force: true });
    // It ends with this process, however that ends.
    const command = ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...this.#arguments(socket)];
    const qemu = spawn('setpriv', command, { stdio: ['ignore', 'inherit', 'inherit'] });
    this.#qemu = qemu;
    this.#port = await connectTo(socket, qemu);
    createInterface({ input: this.#port }).on('line', (line) => this.#hear(line));
    await this.#untilUp();
  }

  async #switchOff(): Promise<void> {
    const qemu = this.#qemu;
    this.#port?.destroy();
    if (!qemu || qemu.exitCode !== null || qemu.signalCode !== null) return;
    qemu.kill('SIGKILL');
    await once(qemu, 'exit');
  }

  #arguments(socket: string): readonly string[] {
    const projectDisk = join(IMAGES, 'project.ext4');
    const options = [
      ['-nodefaults', '-display', 'none', '-machine', 'q35', '-accel', ACCELERATOR, '-cpu', 'max'],
      ['-smp', '2', '-m', '2048', '-nic', 'none', '-device', 'virtio-rng-pci'],
      ['-kernel', join(IMAGES, 'vmlinuz'), '-initrd', join(IMAGES, 'initrd')],
      ['-append', 'root=/dev/vda rw console=ttyS0 quiet net.ifnames=0'],
      ['-serial', `file:${join(this.#directory, 'console')}`],
      // Flushes of a machine whose power is cut need not reach the real disk: only this process ends, not the host.
      ['-drive', `file=${this.#disk},if=virtio,format=raw,cache=unsafe`],
      ['-drive', `file=${projectDisk},if=virtio,format=raw,readonly=on`],
      ['-device', 'virtio-serial-pci', '-chardev', `socket,id=port,path=${socket},server=on,wait=off`],
      ['-device', 'virtserialport,chardev=port,name=caisson'],
    ];
    return options.flat();
  }

  #hear(line: string): void {
    const message: Answer | Hello = JSON.parse(line);
    if ('bootId' in message) this.#hello.resolve(message.bootId);
    else this.#answers.get(message.id)?.(message);
  }

  async #untilUp(): Promise<void> {
    await withTimeout(this.#hello.promise, BOOT_TIMEOUT_MS, () => `boot\n${this.console()}`);
  }
}

async function connectTo(path: string, qemu: ChildProcess): Promise<Socket> {
  for (;;) {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (cause) {
      // It makes the socket in its first moments.
      if (qemu.exitCode !== null) throw new Error('the machine does not start', { cause });
      await sleep(20);
    }
  }
}

async function withTimeout<T>(promise: Promise<T>, timeoutMs: number, subject: () => string): Promise<T> {
  const timer = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${timeoutMs} ms: ${subject()}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => undefined);
    timer.abort();
  }
}
