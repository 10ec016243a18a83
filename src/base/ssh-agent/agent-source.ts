import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { EngineError, messageOf } from '../errors.ts';
import type { PrivateKey } from './private-key.ts';

/** What gives connections to an agent. */
export interface AgentSource {
  open(): Promise<Duplex>;
}

/** BuildKit reads no more of a file. */
const MAXIMUM_KEY_BYTES = 100 << 10;

/**
 * The source of keys as BuildKit's clients take it: the socket of one agent, or files of keys, for which there is an
 * agent in this process. It ends with the process, and puts no key on a disk or into another process.
 *
 * @throws {EngineError} `invalid`, `not-found`: what is wrong with which path
 */
export async function agentSource(paths: readonly string[]): Promise<AgentSource> {
  const [first = '', ...rest] = paths;
  const sockets = paths.filter(isSocket);
  if (sockets.length === 0) {
    const { parsePrivateKey } = await import('./private-key.ts');
    const { agentStream } = await import('./agent-stream.ts');
    const keys = paths.map((path) => readKey(path, parsePrivateKey));
    return { open: () => Promise.resolve(agentStream(keys)) };
  }
  if (rest.length > 0)
    throw new EngineError(
      'invalid',
      `Cannot use ${sockets[0]}: a socket is an agent, which has its own keys`,
    );
  return { open: () => connectTo(first) };
}

function isSocket(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new EngineError('not-found', `Cannot use key ${path}: there is no such file`);
  return stats.isSocket();
}

function readKey(path: string, parse: (text: string) => PrivateKey): PrivateKey {
  const { size } = statSync(path);
  if (size > MAXIMUM_KEY_BYTES) throw unusable(path, 'it is too large to be one');
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw unusable(path, reasonOf(cause), cause);
  }
}

/** What can be done about it is said, too. */
function reasonOf(cause: unknown): string {
  const text = messageOf(cause);
  if (text.endsWith('passphrase')) return `${text}: add it to an agent (ssh-add), and forward that`;
  return text;
}

async function connectTo(path: string): Promise<Duplex> {
  // Loaded only here: it takes longer to load than all else that a build needs.
  const { connect } = await import('node:net');
  const socket = connect({ path });
  await once(socket, 'connect');
  return socket;
}

function unusable(path: string, why: string, cause?: unknown): EngineError {
  return new EngineError('invalid', `Cannot use key ${path}: ${why}`, { cause });
}
