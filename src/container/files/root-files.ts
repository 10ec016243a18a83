/** What the engine reads of a container's root itself before a process starts in it. */
import type { FileLane, FileService } from '#linux/file-service.ts';
import { checkProgram, type ProgramPlace } from '../program/check-program.ts';
import { type ResolvedUser, resolveUser, type UserQuery } from '../spec/user.ts';
import { CONTAINER_FILE_TASKS, type ContainerFileTasks } from './file-tasks.ts';
import { isHeldUp, promptly } from './root-access.ts';

export interface RootPlace {
  readonly files: FileService;
  /** Where the engine has mounted it. */
  readonly rootPath: string;
  readonly lane: FileLane;
  /** True if processes with CAP_SYS_ADMIN run in it: they can hold up any look (`root-access.ts`). */
  readonly isWatched: boolean;
}

/** @throws {EngineError} `invalid` for names that are not there, `files-hang` */
export async function findUser(place: RootPlace, query: Omit<UserQuery, 'rootPath'>): Promise<ResolvedUser> {
  const input = { ...query, rootPath: place.rootPath };
  const look = () => resolveUser(input, promptly);
  return await lookInto(place, { kind: 'find-user', input, action: 'read /etc/passwd and /etc/group', look });
}

/** @throws {EngineError} `invalid` with what to do, `files-hang` */
export async function requireRunnable(
  place: RootPlace,
  program: Omit<ProgramPlace, 'rootPath'>,
): Promise<void> {
  const input = { ...program, rootPath: place.rootPath };
  const action = `look at program ${program.process.args[0] ?? ''}`;
  await lookInto(place, { kind: 'check-program', input, action, look: () => checkProgram(input, promptly) });
}

interface Look<Kind extends keyof ContainerFileTasks> {
  readonly kind: Kind;
  readonly input: ContainerFileTasks[Kind]['input'];
  readonly action: string;
  readonly look: () => ContainerFileTasks[Kind]['output'];
}

/** Works on the event loop where nothing can hold it up, otherwise on a thread. */
async function lookInto<Kind extends keyof ContainerFileTasks>(
  { files, lane, isWatched }: RootPlace,
  { kind, input, action, look }: Look<Kind>,
): Promise<ContainerFileTasks[Kind]['output']> {
  try {
    if (!isWatched) return look();
  } catch (error) {
    if (!isHeldUp(error)) throw error;
  }
  return await files.run(CONTAINER_FILE_TASKS, kind, { input, guard: { lane, action } });
}
