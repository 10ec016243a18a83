import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tarOf } from '../fixtures/tar.ts';
import { removeCgroupParent } from '../support/cgroups.ts';
import type { TestDaemon } from '../support/daemon.ts';
import { importBusybox } from '../support/docker.ts';
import { request, requestJson } from '../support/http.ts';
import { type Body, type Group, mergeBodies, type OptionContainer, type OptionRow } from './option-row.ts';

const DOCKERFILE = 'FROM bb\nRUN for at in /seed /seeds; do mkdir $at; echo built >$at/index.html; done\n';

/** The groups in the order in which they are started: some join others. */
const GROUPS: readonly Group[] = [
  'main',
  'volumes',
  'alone',
  'host',
  'terminal',
  'sealed',
  'networked',
  'signalled',
  'killed',
  'removed',
  'joined',
  'twice',
];

/** The last version of the API that has all options: later ones refuse a MAC address of the whole container. */
export const CREATE = '/v1.51/containers/create';

const SEPARATOR = '--- next ---';

/** An engine with an image, and a container for each group of options. */
export class OptionHost implements AsyncDisposable {
  readonly #daemon: TestDaemon;
  readonly #directory: string;
  readonly #containers = new Map<Group, OptionContainer>();
  readonly #outputs = new Map<string, string>();

  private constructor(daemon: TestDaemon, directory: string) {
    this.#daemon = daemon;
    this.#directory = directory;
  }

  /** `DIRECTORY/tree` is a mount that is shared, with another one below it. */
  static async start(daemon: TestDaemon): Promise<OptionHost> {
    const directory = mkdtempSync('/tmp/caisson-options-');
    const tree = join(directory, 'tree');
    mkdirSync(tree);
    execFileSync('mount', ['--bind', tree, tree]);
    execFileSync('mount', ['--make-shared', tree]);
    mkdirSync(join(tree, 'below'));
    execFileSync('mount', ['-t', 'tmpfs', 'options', join(tree, 'below')]);
    writeFileSync(join(tree, 'file'), 'kept\n');
    writeFileSync(join(tree, 'below/deep'), '');
    await importBusybox(daemon);
    const context = tarOf({ path: 'Dockerfile', content: DOCKERFILE, mode: 0o644 });
    const headers = { 'Content-Type': 'application/x-tar' };
    await request(daemon.socket, 'POST', '/build?t=options', context, headers);
    return new OptionHost(daemon, directory);
  }

  get socket(): string {
    return this.#daemon.socket;
  }

  container(group: Group): OptionContainer {
    const container = this.#containers.get(group);
    if (!container) throw new Error(`no container has been started for ${group}`);
    return container;
  }

  /** The whole request for a part of one. */
  requestOf(body: Body): Body {
    const base = { Image: 'options', Cmd: ['sleep', '1000'] };
    const text = JSON.stringify({ ...base, ...body }).replaceAll('DIRECTORY', this.#directory);
    const whole: Body = JSON.parse(text);
    return whole;
  }

  /** Starts a container for each group, and runs all the commands of its rows in it. */
  async startGroups(rows: readonly OptionRow[]): Promise<void> {
    for (const group of GROUPS) {
      const own = rows.filter((row) => 'group' in row && row.group === group);
      const body = own.map((row) => row.body).reduce(mergeBodies, {});
      const container = await this.#start(group, body);
      this.#containers.set(group, container);
      const commands = [...new Set(own.flatMap((row) => (row.kind === 'shown' ? [row.command] : [])))];
      const outputs = await this.#run(container, commands);
      commands.forEach((command, index) => this.#outputs.set(`${group} ${command}`, outputs[index] ?? ''));
    }
  }

  /** What a command printed in a group's container. */
  outputOf(group: Group, command: string): string {
    return this.#outputs.get(`${group} ${command}`) ?? '';
  }

  /** A field of inspect: `HostConfig.Annotations`. */
  async inspected(group: Group, field: string): Promise<unknown> {
    const { id } = this.container(group);
    const whole: unknown = await requestJson(this.socket, 'GET', `/containers/${id}/json`);
    return field.split('.').reduce((value: unknown, name) => Object(value)[name], whole);
  }

  async #start(group: Group, body: Body): Promise<OptionContainer> {
    const request = this.requestOf(body);
    const path = `${CREATE}?name=options-${group}`;
    const { Id: id } = await requestJson<{ Id: string }>(this.socket, 'POST', path, request);
    await requestJson(this.socket, 'POST', `/containers/${id}/start`);
    const { State } = await requestJson<{ State: { Pid: number } }>(
      this.socket,
      'GET',
      `/containers/${id}/json`,
    );
    return { id, socket: this.socket, directory: this.#directory, pid: State.Pid };
  }

  async #run({ id }: OptionContainer, commands: readonly string[]): Promise<readonly string[]> {
    if (commands.length === 0) return [];
    const script = commands.map((command) => `(${command})`).join(`\necho '${SEPARATOR}'\n`);
    // By a terminal, which keeps the order of both streams.
    const exec = { Cmd: ['sh', '-c', script], User: 'root', Tty: true, AttachStdout: true };
    const { Id } = await requestJson<{ Id: string }>(this.socket, 'POST', `/containers/${id}/exec`, exec);
    const { body } = await request(this.socket, 'POST', `/exec/${Id}/start`, { Tty: true });
    return body
      .replaceAll('\r\n', '\n')
      .split(SEPARATOR)
      .map((text) => text.trim());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon[Symbol.asyncDispose]();
    const tree = join(this.#directory, 'tree');
    for (const mount of [join(tree, 'below'), tree]) execFileSync('umount', ['-l', mount]);
    rmSync(this.#directory, { recursive: true });
    removeCgroupParent('caisson-options');
  }
}
