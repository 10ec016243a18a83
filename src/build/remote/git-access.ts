/** How git gets at repositories: with what the client gives, which is asked for when git first needs it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildSession } from '../session/build-session.ts';
import { serveSshAgent } from '../session/ssh-agent.ts';
import type { GitTree } from '../definition/vertex.ts';
import { type GitLogin, openGitLogin } from './git-login.ts';

export interface GitAccessOptions {
  readonly session?: BuildSession;
  readonly signal: AbortSignal;
  /** A directory of its own, removed with it. */
  readonly openTemporary: () => AsyncDisposable & { readonly path: string };
}

export type Variables = Readonly<Record<string, string>>;

const WITHOUT_SSH = /^(?:https?|git):/;
const OVER_HTTP = /^https?:/;
/** The agent that is meant if none is named. */
const DEFAULT_AGENT = 'default';
/** No settings, keys or prompts of this machine: neither its user's nor, with `none`, the usual names in `~/.ssh`. */
const SSH = 'ssh -F none -oBatchMode=yes -oLogLevel=ERROR -oIdentityFile=none';

export class GitAccess implements AsyncDisposable {
  readonly #tree: GitTree;
  readonly #options: GitAccessOptions;
  readonly #undo = new AsyncDisposableStack();
  #variables: Promise<Variables> | undefined;
  #login: GitLogin | undefined;

  constructor(tree: GitTree, options: GitAccessOptions) {
    this.#tree = tree;
    this.#options = options;
  }

  /** What git's environment has for it. @throws {EngineError} `invalid` if ssh is needed and no agent is forwarded */
  variables(): Promise<Variables> {
    return (this.#variables ??= this.#open());
  }

  /** What git has said, as it may be told. */
  explain(words: string): string {
    return this.#login?.explain(words) ?? words;
  }

  async #open(): Promise<Variables> {
    const { url, knownHosts, sshAgent: id = DEFAULT_AGENT } = this.#tree;
    // A submodule may need ssh all the same.
    if (WITHOUT_SSH.test(url)) {
      if (OVER_HTTP.test(url)) this.#login = await openGitLogin(this.#tree, this.#options);
      return { GIT_SSH_COMMAND: sshTrusting('/dev/null', 'accept-new'), ...this.#login?.variables };
    }
    const { path } = this.#undo.use(this.#options.openTemporary());
    const mount = { id, required: true, owner: { uid: 0, gid: 0, mode: 0o600 } } as const;
    const agent = this.#undo.use(await serveSshAgent(mount, path, this.#options));
    // As in BuildKit, hosts without known keys are trusted on first use, and must keep their key until the end.
    writeFileSync(join(path, HOSTS), `${knownHosts ?? ''}\n`, { mode: 0o600 });
    const hosts = `${agent.directory}/${HOSTS}`;
    return {
      SSH_AUTH_SOCK: agent.address,
      GIT_SSH_COMMAND: sshTrusting(hosts, knownHosts === undefined ? 'accept-new' : 'yes'),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync();
  }
}

const HOSTS = 'known_hosts';

function sshTrusting(hosts: string, checking: 'accept-new' | 'yes'): string {
  return `${SSH} -oStrictHostKeyChecking=${checking} -oUserKnownHostsFile=${hosts}`;
}
