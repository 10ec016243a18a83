import { homedir } from 'node:os';
import type { Duplex } from 'node:stream';
import { messageOf } from '#base/errors.ts';
import type { AgentSource } from '#base/ssh-agent/agent-source.ts';
import type { Environment } from '../context.ts';
import { ExitError } from '../usage-error.ts';

const DEFAULT = 'default';

/** What `--ssh` gives a build, by its ids. */
export class SshAgents {
  readonly #sources: ReadonlyMap<string, AgentSource>;

  private constructor(sources: ReadonlyMap<string, AgentSource>) {
    this.#sources = sources;
  }

  /** `ID` for the agent of this shell, `ID=SOCKET`, or `ID=KEY[,KEY]`. @throws {ExitError} */
  static async create(texts: readonly string[], environment: Environment): Promise<SshAgents> {
    const sources = new Map<string, AgentSource>();
    if (texts.length === 0) return new SshAgents(sources);
    // Most builds have none.
    const { agentSource } = await import('#base/ssh-agent/agent-source.ts');
    for (const text of texts) {
      const { id, paths } = parse(text, environment);
      if (sources.has(id)) throw new ExitError(1, `invalid --ssh ${text}: ${id} was given before`);
      try {
        sources.set(id, await agentSource(paths));
      } catch (error) {
        throw new ExitError(1, `cannot forward --ssh ${text}: ${messageOf(error)}`);
      }
    }
    return new SshAgents(sources);
  }

  has(id: string): boolean {
    return this.#sources.has(id || DEFAULT);
  }

  open(id: string): Promise<Duplex> {
    const source = this.#sources.get(id || DEFAULT);
    if (!source) throw new ExitError(1, `there is no ssh agent ${id}`);
    return source.open();
  }
}

function parse(text: string, environment: Environment): { readonly id: string; readonly paths: string[] } {
  const equals = text.indexOf('=');
  const id = (equals < 0 ? text : text.slice(0, equals)) || DEFAULT;
  const given = equals < 0 ? '' : text.slice(equals + 1);
  const paths = (given || (environment['SSH_AUTH_SOCK'] ?? '')).split(',').filter((path) => path !== '');
  if (paths.length > 0) return { id, paths: paths.map(withHome) };
  const advice = `start one (eval "$(ssh-agent)"; ssh-add), or give a key: --ssh ${id}=~/.ssh/id_ed25519`;
  throw new ExitError(
    1,
    `cannot forward --ssh ${text}: there is no agent, SSH_AUTH_SOCK is empty; ${advice}`,
  );
}

/** A shell leaves the tilde of `default=~/.ssh/id` as it is. */
function withHome(path: string): string {
  return path.startsWith('~/') ? `${homedir()}${path.slice(1)}` : path;
}
