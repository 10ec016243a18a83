/**
 * Runs in the machine under test: executes shell scripts that come over a virtio port, one JSON object a line, and
 * answers each the same way. What it says first is the boot's id.
 */
import { spawn } from 'node:child_process';
import { createReadStream, openSync, readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { Answer, Hello, Order } from './agent-messages.ts';

const PORT = '/dev/virtio-ports/caisson';

const port = openSync(PORT, 'r+');

function say(message: Answer | Hello): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let sent = 0; sent < line.length; ) sent += writeSync(port, line, sent);
}

async function obey({ id, script, input }: Order): Promise<void> {
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = Promise.withResolvers<number>();
  child.once('exit', (code) => ended.resolve(code ?? 128));
  const [stdout, stderr, exitCode] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended.promise,
  ]);
  say({ id, exitCode, stdout, stderr });
}

say({ bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() });
for await (const line of createInterface({ input: createReadStream(PORT, { fd: port }) })) {
  const order: Order = JSON.parse(line);
  void obey(order);
}
