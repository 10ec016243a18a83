/** A server that is too busy to take connections, on a thread of its own: they stay half open until it is released. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

const SERVER = `
const { parentPort, workerData } = require('node:worker_threads');
const { createServer } = require('node:http');
const server = createServer((_request, response) => response.writeHead(404).end());
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  Atomics.wait(new Int32Array(workerData), 0, 0);
});`;

export class BusyListener implements AsyncDisposable {
  readonly port: number;
  readonly #worker: Worker;
  readonly #gate: Int32Array;
  readonly #waiting: readonly Socket[];

  private constructor(port: number, worker: Worker, gate: Int32Array, waiting: readonly Socket[]) {
    this.port = port;
    this.#worker = worker;
    this.#gate = gate;
    this.#waiting = waiting;
  }

  static async start(): Promise<BusyListener> {
    const gate = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const worker = new Worker(SERVER, { eval: true, workerData: gate.buffer });
    const [port] = await once(worker, 'message');
    // The kernel completes one more than the backlog by itself.
    const waiting = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    await Promise.all(waiting.map((socket) => once(socket, 'connect')));
    return new BusyListener(port, worker, gate, waiting);
  }

  letGo(): void {
    Atomics.store(this.#gate, 0, 1);
    Atomics.notify(this.#gate, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.letGo();
    for (const socket of this.#waiting) socket.destroy();
    await this.#worker.terminate();
  }
}
