import type { VersionInfo } from '#wire/system.ts';
import { messageOf } from '#base/errors.ts';
import type { Context } from '../context.ts';
import { contextName } from '../contexts/context-name.ts';

/** What builds: the engine, in buildx's words. */
export interface Builder {
  readonly name: string;
  readonly endpoint: string;
  readonly status: 'running' | 'error';
  /** Why it does not answer. */
  readonly error: string;
  readonly version: string;
  readonly platform: string;
}

export async function engineAsBuilder(context: Context): Promise<Builder> {
  const name = contextName(context);
  const endpoint = context.client.host;
  try {
    const engine = await context.client.json<VersionInfo>({ method: 'GET', path: '/version' });
    const platform = `${engine.Os}/${engine.Arch}`;
    return { name, endpoint, status: 'running', error: '', version: engine.Version, platform };
  } catch (error) {
    return { name, endpoint, status: 'error', error: messageOf(error), version: '', platform: '' };
  }
}
