import type { Command } from './command.ts';

type Load = () => Promise<{ readonly command: Command }>;

/** One name in the tree of commands. Modules are loaded when the command is run, or helped with. */
export type Entry = CommandEntry | GroupEntry;

export interface CommandEntry {
  readonly kind: 'command';
  readonly load: Load;
  /** Other names in the same group. */
  readonly aliases: readonly string[];
  /** Where the list of all commands shows it. */
  readonly section: 'common' | 'more' | 'none';
}

export interface GroupEntry {
  readonly kind: 'group';
  readonly summary: string;
  readonly entries: Readonly<Record<string, Entry>>;
  /** Docker's words that are not here, with the reason. */
  readonly refused?: Readonly<Record<string, string>>;
}

const command = (
  load: Load,
  aliases: readonly string[] = [],
  section: CommandEntry['section'] = 'more',
): CommandEntry => ({
  kind: 'command',
  load,
  aliases,
  section,
});
const common = (load: Load): CommandEntry => command(load, [], 'common');
const group = (
  summary: string,
  entries: GroupEntry['entries'],
  refused: GroupEntry['refused'] = {},
): GroupEntry => ({ kind: 'group', summary, entries, refused });

const NO_SWARM = 'there is no swarm mode';
const ONE_BUILDER = 'the engine itself builds, there are no other builders to choose from';

// One function a module: two entries with the same one are the same command under two names.
const attach: Load = () => import('./commands/attach.ts');
const bootstrap: Load = () => import('./commands/bootstrap.ts');
const build: Load = () => import('./commands/build.ts');
const builderDf: Load = () => import('./commands/builder-df.ts');
const builderPrune: Load = () => import('./commands/builder-prune.ts');
const buildxInspect: Load = () => import('./commands/buildx-inspect.ts');
const buildxLs: Load = () => import('./commands/buildx-ls.ts');
const buildxVersion: Load = () => import('./commands/buildx-version.ts');
const commit: Load = () => import('./commands/commit.ts');
const completion: Load = () => import('./commands/completion.ts');
const containerInspect: Load = () => import('./commands/container-inspect.ts');
const containerPrune: Load = () => import('./commands/container-prune.ts');
const contextCreate: Load = () => import('./commands/context-create.ts');
const contextInspect: Load = () => import('./commands/context-inspect.ts');
const contextLs: Load = () => import('./commands/context-ls.ts');
const contextRm: Load = () => import('./commands/context-rm.ts');
const contextShow: Load = () => import('./commands/context-show.ts');
const contextUse: Load = () => import('./commands/context-use.ts');
const cp: Load = () => import('./commands/cp.ts');
const create: Load = () => import('./commands/create.ts');
const diff: Load = () => import('./commands/diff.ts');
const events: Load = () => import('./commands/events.ts');
const exec: Load = () => import('./commands/exec.ts');
const exportContainer: Load = () => import('./commands/export.ts');
const help: Load = () => import('./commands/help.ts');
const history: Load = () => import('./commands/history.ts');
const imageExplore: Load = () => import('./commands/image-explore.ts');
const imageGc: Load = () => import('./commands/image-gc.ts');
const imageInspect: Load = () => import('./commands/image-inspect.ts');
const imagePrune: Load = () => import('./commands/image-prune.ts');
const images: Load = () => import('./commands/images.ts');
const importImage: Load = () => import('./commands/import.ts');
const info: Load = () => import('./commands/info.ts');
const inspect: Load = () => import('./commands/inspect.ts');
const kill: Load = () => import('./commands/kill.ts');
const load: Load = () => import('./commands/load.ts');
const login: Load = () => import('./commands/login.ts');
const logout: Load = () => import('./commands/logout.ts');
const logs: Load = () => import('./commands/logs.ts');
const manifestAnnotate: Load = () => import('./commands/manifest-annotate.ts');
const manifestCreate: Load = () => import('./commands/manifest-create.ts');
const manifestInspect: Load = () => import('./commands/manifest-inspect.ts');
const manifestPush: Load = () => import('./commands/manifest-push.ts');
const manifestRm: Load = () => import('./commands/manifest-rm.ts');
const networkConnect: Load = () => import('./commands/network-connect.ts');
const networkCreate: Load = () => import('./commands/network-create.ts');
const networkDisconnect: Load = () => import('./commands/network-disconnect.ts');
const networkInspect: Load = () => import('./commands/network-inspect.ts');
const networkLs: Load = () => import('./commands/network-ls.ts');
const networkPrune: Load = () => import('./commands/network-prune.ts');
const networkRm: Load = () => import('./commands/network-rm.ts');
const pause: Load = () => import('./commands/pause.ts');
const pluginLs: Load = () => import('./commands/plugin-ls.ts');
const port: Load = () => import('./commands/port.ts');
const ps: Load = () => import('./commands/ps.ts');
const pull: Load = () => import('./commands/pull.ts');
const push: Load = () => import('./commands/push.ts');
const registryGc: Load = () => import('./commands/registry-gc.ts');
const registryServe: Load = () => import('./commands/registry-serve.ts');
const registryUserAdd: Load = () => import('./commands/registry-user-add.ts');
const registryUserRm: Load = () => import('./commands/registry-user-rm.ts');
const rename: Load = () => import('./commands/rename.ts');
const restart: Load = () => import('./commands/restart.ts');
const rm: Load = () => import('./commands/rm.ts');
const rmi: Load = () => import('./commands/rmi.ts');
const run: Load = () => import('./commands/run.ts');
const save: Load = () => import('./commands/save.ts');
const search: Load = () => import('./commands/search.ts');
const start: Load = () => import('./commands/start.ts');
const stats: Load = () => import('./commands/stats.ts');
const stop: Load = () => import('./commands/stop.ts');
const systemCheck: Load = () => import('./commands/system-check.ts');
const systemCleanHost: Load = () => import('./commands/system-clean-host.ts');
const systemDialStdio: Load = () => import('./commands/system-dial-stdio.ts');
const systemDf: Load = () => import('./commands/system-df.ts');
const systemPrune: Load = () => import('./commands/system-prune.ts');
const systemRepair: Load = () => import('./commands/system-repair.ts');
const tag: Load = () => import('./commands/tag.ts');
const top: Load = () => import('./commands/top.ts');
const unpause: Load = () => import('./commands/unpause.ts');
const update: Load = () => import('./commands/update.ts');
const version: Load = () => import('./commands/version.ts');
const volumeCreate: Load = () => import('./commands/volume-create.ts');
const volumeInspect: Load = () => import('./commands/volume-inspect.ts');
const volumeLs: Load = () => import('./commands/volume-ls.ts');
const volumePrune: Load = () => import('./commands/volume-prune.ts');
const volumeRm: Load = () => import('./commands/volume-rm.ts');
const wait: Load = () => import('./commands/wait.ts');

/** Every command, by the words that call it. */
export const catalogue: GroupEntry = group(
  'A container engine that speaks Docker',
  {
    run: common(run),
    exec: common(exec),
    ps: common(ps),
    build: common(build),
    bootstrap: common(bootstrap),
    pull: common(pull),
    push: common(push),
    images: common(images),
    login: common(login),
    logout: common(logout),
    search: common(search),
    version: common(version),
    info: common(info),

    builder: group('Manage builds', {
      build: command(build),
      df: command(builderDf, ['du']),
      prune: command(builderPrune),
    }),
    buildx: group(
      'Build, under the words of Docker’s plugin',
      {
        build: command(build, ['b']),
        du: command(builderDf),
        inspect: command(buildxInspect),
        ls: command(buildxLs),
        prune: command(builderPrune),
        version: command(buildxVersion),
      },
      {
        bake: 'bake files are read by "docker buildx bake", which builds with this engine too',
        create: ONE_BUILDER,
        history: 'finished builds are not kept',
        imagetools: '"caisson manifest" has what works on images in a registry',
        rm: ONE_BUILDER,
        stop: ONE_BUILDER,
        use: ONE_BUILDER,
      },
    ),
    container: group('Manage containers', {
      attach: command(attach),
      commit: command(commit),
      cp: command(cp),
      create: command(create),
      diff: command(diff),
      exec: command(exec),
      export: command(exportContainer),
      inspect: command(containerInspect),
      kill: command(kill),
      logs: command(logs),
      ls: command(ps, ['list', 'ps']),
      pause: command(pause),
      port: command(port),
      prune: command(containerPrune),
      rename: command(rename),
      restart: command(restart),
      rm: command(rm, ['remove']),
      run: command(run),
      start: command(start),
      stats: command(stats),
      stop: command(stop),
      top: command(top),
      unpause: command(unpause),
      update: command(update),
      wait: command(wait),
    }),
    context: group('Manage contexts', {
      create: command(contextCreate),
      inspect: command(contextInspect),
      ls: command(contextLs, ['list']),
      rm: command(contextRm, ['remove']),
      show: command(contextShow),
      use: command(contextUse),
    }),
    image: group('Manage images', {
      bootstrap: command(bootstrap),
      build: command(build),
      explore: command(imageExplore),
      gc: command(imageGc),
      history: command(history),
      import: command(importImage),
      inspect: command(imageInspect),
      load: command(load),
      ls: command(images, ['list']),
      prune: command(imagePrune),
      pull: command(pull),
      push: command(push),
      rm: command(rmi, ['remove']),
      save: command(save),
      tag: command(tag),
    }),
    manifest: group('Manage image manifests and manifest lists', {
      annotate: command(manifestAnnotate),
      create: command(manifestCreate),
      inspect: command(manifestInspect),
      push: command(manifestPush),
      rm: command(manifestRm),
    }),
    network: group('Manage networks', {
      connect: command(networkConnect),
      create: command(networkCreate),
      disconnect: command(networkDisconnect),
      inspect: command(networkInspect),
      ls: command(networkLs, ['list']),
      prune: command(networkPrune),
      rm: command(networkRm, ['remove']),
    }),
    plugin: group('Manage plugins', { ls: command(pluginLs, ['list']) }),
    registry: group('Serve a registry of your own', {
      gc: command(registryGc),
      serve: command(registryServe),
      user: group('Manage the users of a registry', {
        add: command(registryUserAdd),
        rm: command(registryUserRm, ['remove']),
      }),
    }),
    system: group('Manage the engine', {
      check: command(systemCheck),
      'clean-host': command(systemCleanHost),
      df: command(systemDf),
      'dial-stdio': command(systemDialStdio),
      events: command(events),
      info: command(info),
      prune: command(systemPrune),
      repair: command(systemRepair),
    }),
    volume: group('Manage volumes', {
      create: command(volumeCreate),
      inspect: command(volumeInspect),
      ls: command(volumeLs, ['list']),
      prune: command(volumePrune),
      rm: command(volumeRm, ['remove']),
    }),

    attach: command(attach),
    commit: command(commit),
    completion: command(completion),
    cp: command(cp),
    create: command(create),
    diff: command(diff),
    events: command(events),
    export: command(exportContainer),
    help: command(help),
    history: command(history),
    import: command(importImage),
    inspect: command(inspect),
    kill: command(kill),
    load: command(load),
    logs: command(logs),
    pause: command(pause),
    port: command(port),
    rename: command(rename),
    restart: command(restart),
    rm: command(rm),
    rmi: command(rmi),
    save: command(save),
    start: command(start),
    stats: command(stats),
    stop: command(stop),
    tag: command(tag),
    top: command(top),
    unpause: command(unpause),
    update: command(update),
    wait: command(wait),
  },
  {
    compose:
      '"docker compose" works with this engine: DOCKER_HOST=unix:///run/caisson/caisson.sock docker compose up',
    config: NO_SWARM,
    node: NO_SWARM,
    secret: NO_SWARM,
    service: NO_SWARM,
    stack: NO_SWARM,
    swarm: NO_SWARM,
    trust: 'signatures of images are not checked',
  },
);

export interface FoundCommand {
  readonly kind: 'command';
  /** The words that call it, aliases as they were typed. */
  readonly path: readonly string[];
  readonly entry: CommandEntry;
  /** The words after it. */
  readonly rest: readonly string[];
  load(): Promise<Command>;
}

export interface FoundGroup {
  readonly kind: 'group';
  readonly path: readonly string[];
  readonly group: GroupEntry;
}

export type Found =
  | FoundCommand
  | FoundGroup
  | { readonly kind: 'unknown'; readonly word: string; readonly group: FoundGroup };

/** Finds the command that a line calls; the words after it are left to it. */
export function findCommand(words: readonly string[]): Found {
  let here: FoundGroup = { kind: 'group', path: [], group: catalogue };
  for (const [index, word] of words.entries()) {
    if (word.startsWith('-')) return isHelp(word) ? here : { kind: 'unknown', word, group: here };
    const entry = entryOf(here.group, word);
    if (!entry) return { kind: 'unknown', word, group: here };
    const path: readonly string[] = [...here.path, word];
    if (entry.kind === 'command') {
      const loaded = async (): Promise<Command> => (await entry.load()).command;
      return { kind: 'command', path, entry, rest: words.slice(index + 1), load: loaded };
    }
    here = { kind: 'group', path, group: entry };
  }
  return here;
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h';
}

function entryOf(group: GroupEntry, word: string): Entry | undefined {
  if (Object.hasOwn(group.entries, word)) return group.entries[word];
  return Object.values(group.entries).find(
    (entry) => entry.kind === 'command' && entry.aliases.includes(word),
  );
}

/** Every command with the words that call it, groups walked through. */
export function* allCommands(
  from: GroupEntry = catalogue,
  path: readonly string[] = [],
): Generator<{ readonly path: readonly string[]; readonly entry: CommandEntry }, void, void> {
  for (const [name, entry] of Object.entries(from.entries)) {
    if (entry.kind === 'group') yield* allCommands(entry, [...path, name]);
    else yield { path: [...path, name], entry };
  }
}
