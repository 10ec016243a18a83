/** Clients that work on objects of their own, and write down what they are told. */
import { setTimeout as sleep } from 'node:timers/promises';
import { tarOf } from '../fixtures/tar.ts';
import type { Random } from '../fuzz/random.ts';
import type { Entry, Kind, Ledger } from './ledger.ts';
import type { World } from './world.ts';

/** Objects of each kind that a client keeps; then it removes the oldest. */
const KEPT = 4;

export class Client {
  readonly done = new Map<string, number>();
  /** What a client was told that cannot be. */
  readonly wrong: string[] = [];
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #prefix: string;
  #count = 0;

  constructor(parts: {
    readonly world: World;
    readonly ledger: Ledger;
    readonly random: Random;
    readonly name: string;
  }) {
    this.#world = parts.world;
    this.#ledger = parts.ledger;
    this.#random = parts.random;
    this.#prefix = parts.name;
  }

  /** Works until the signal fires; what fails is not known, and the next thing is done. */
  async run(signal: AbortSignal): Promise<void> {
    const works = [
      () => this.#runContainer(),
      () => this.#execInContainer(),
      () => this.#fillVolume(),
      () => this.#build(),
      () => this.#pull(),
      () => this.#readLogs(),
    ];
    while (!signal.aborted) {
      const work = works[this.#random.below(works.length)];
      try {
        await work?.();
        await this.#removeOldest();
      } catch {
        await sleep(20);
      }
    }
  }

  #name(): string {
    return `${this.#prefix}-${++this.#count}`;
  }

  #count1(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }

  async #create(body: object, name: string, output: string): Promise<Entry> {
    const entry = this.#ledger.begin('container', name, { output });
    await this.#world.succeed('POST', `/containers/create?name=${name}`, { Image: 'bb', ...body });
    entry.told = 'there';
    return entry;
  }

  async #runContainer(): Promise<void> {
    const name = this.#name();
    const exitCode = this.#random.below(5);
    const output = `${name} says this`;
    const Cmd = ['sh', '-c', `echo ${output}; exit ${exitCode}`];
    const wasDiskFull = this.#world.watchDisk();
    const entry = await this.#create({ Cmd, HostConfig: { NetworkMode: 'none' } }, name, `${output}\n`);
    await this.#world.succeed('POST', `/containers/${name}/start`);
    const told: { readonly StatusCode: number } = JSON.parse(
      await this.#world.succeed('POST', `/containers/${name}/wait`),
    );
    if (told.StatusCode === exitCode) entry.exitCode = exitCode;
    // Output that cannot be written is dropped (docs/durability.md); that it ended is not.
    if (wasDiskFull()) delete entry.output;
    this.#count1('run');
  }

  async #execInContainer(): Promise<void> {
    const name = this.#name();
    await this.#create({ Cmd: ['sleep', '1000'] }, name, '');
    await this.#world.succeed('POST', `/containers/${name}/start`);
    const body = { Cmd: ['true'], AttachStdout: true };
    const { Id }: { readonly Id: string } = JSON.parse(
      await this.#world.succeed('POST', `/containers/${name}/exec`, body),
    );
    await this.#world.succeed('POST', `/exec/${Id}/start`, {});
    this.#count1('exec');
  }

  async #fillVolume(): Promise<void> {
    const name = this.#name();
    const entry = this.#ledger.begin('volume', name);
    await this.#world.succeed('POST', '/volumes/create', { Name: name });
    entry.told = 'there';
    const writer = `${name}-writer`;
    const HostConfig = { NetworkMode: 'none', Binds: [`${name}:/data`] };
    await this.#create({ Cmd: ['sh', '-c', `echo ${name} > /data/file`], HostConfig }, writer, '');
    await this.#world.succeed('POST', `/containers/${writer}/start`);
    const { StatusCode }: { readonly StatusCode: number } = JSON.parse(
      await this.#world.succeed('POST', `/containers/${writer}/wait`),
    );
    if (StatusCode === 0) entry.content = `${name}\n`;
    await this.#remove('container', writer, `/containers/${writer}?force=1`);
    this.#count1('volume');
  }

  async #build(): Promise<void> {
    const name = this.#name();
    const entry = this.#ledger.begin('image', name);
    const content = `FROM bb\nRUN echo ${name} > /made\n`;
    const told = await this.#world.succeed(
      'POST',
      `/build?t=${name}`,
      tarOf({ path: 'Dockerfile', content }),
    );
    if (!told.includes('Successfully tagged')) return;
    entry.told = 'there';
    this.#count1('build');
  }

  async #pull(): Promise<void> {
    const [repo, tag] = ['pulled', this.#name()];
    const { pulled } = this.#world;
    const told = await this.#world.succeed('POST', `/images/create?fromImage=${encodeURIComponent(pulled)}`);
    if (told.includes('errorDetail')) return;
    const entry = this.#ledger.begin('image', tag);
    await this.#world.succeed('POST', `/images/${encodeURIComponent(pulled)}/tag?repo=${tag}`);
    entry.told = 'there';
    this.#count1(repo);
  }

  async #readLogs(): Promise<void> {
    const own = this.#own('container').find(({ exitCode }) => exitCode !== undefined);
    if (!own) return;
    const log = await this.#world.succeed('GET', `/containers/${own.name}/logs?stdout=1`);
    if (!log.endsWith(own.output ?? ''))
      this.wrong.push(`the log of ${own.name} says ${JSON.stringify(log)}`);
    this.#count1('logs');
  }

  #own(kind: Kind): readonly Entry[] {
    return this.#ledger
      .of(kind)
      .filter(({ name, told }) => told === 'there' && name.startsWith(`${this.#prefix}-`));
  }

  async #removeOldest(): Promise<void> {
    const paths = { container: 'containers', image: 'images', volume: 'volumes' } as const;
    for (const kind of ['container', 'image', 'volume'] as const) {
      const [oldest, ...others] = this.#own(kind);
      if (!oldest || others.length < KEPT) continue;
      await this.#remove(kind, oldest.name, `/${paths[kind]}/${oldest.name}?force=1`);
      this.#count1('remove');
    }
  }

  async #remove(kind: Kind, name: string, path: string): Promise<void> {
    const entry = this.#ledger.begin(kind, name);
    await this.#world.succeed('DELETE', path);
    entry.told = 'gone';
  }
}
