import { openSync } from 'node:fs';
import { O_CLOEXEC, O_PATH } from './constants.ts';
import { ownFd } from './descriptors.ts';
import { isErrno } from './errno.ts';
import { FilesystemContext } from './filesystem-context.ts';
import { check, libc } from './libc.ts';

/** An overlay: `lowers` are read, topmost first; without `upper` and `work` it is read-only. */
export interface OverlayOptions {
  readonly target: string;
  readonly lowers: readonly string[];
  readonly upper?: string;
  readonly work?: string;
  /** No sync at all: unmounting is fast, and a crash of the machine spoils `upper`. */
  readonly volatile?: boolean;
  /** Further options of the overlay file system; an empty value makes a flag. */
  readonly options?: Readonly<Record<string, string>>;
}

/**
 * Mounts an overlay of up to 500 lowers, however long their paths are and whatever is in them.
 *
 * @throws {SystemError} with the kernel's own explanation; nothing is mounted then
 */
export function mountOverlay(options: OverlayOptions): void {
  try {
    mountByContext(options);
  } catch (error) {
    if (!isErrno(error, 'EINVAL', 'ENOSYS') || !mountsClassically(options)) throw error;
  }
}

/** One option for each lower: kernel 6.7 and newer. */
function mountByContext(options: OverlayOptions): void {
  using context = FilesystemContext.open('overlay', options.target);
  context.setString('source', 'overlay');
  for (const lower of options.lowers) context.setPath('lowerdir+', lower);
  if (options.upper !== undefined) context.setPath('upperdir', options.upper);
  if (options.work !== undefined) context.setPath('workdir', options.work);
  if (options.volatile) context.setFlag('volatile');
  for (const [name, value] of Object.entries(options.options ?? {})) context.set(name, value);
  context.mount();
}

/** Older kernels know only mount(2). False if that fails too: then the explanation above is the better one. */
function mountsClassically(options: OverlayOptions): boolean {
  try {
    mountClassically(options);
    return true;
  } catch {
    return false;
  }
}

/**
 * mount(2) takes all options in one page of text, in which colons and commas separate: the directories are named by
 * descriptors, which are short and plain.
 */
export function mountClassically(options: OverlayOptions): void {
  using stack = new DisposableStack();
  const name = (path: string) => `/proc/self/fd/${stack.use(ownFd(openSync(path, O_PATH | O_CLOEXEC))).fd}`;
  const settings = [`lowerdir=${options.lowers.map(name).join(':')}`];
  if (options.upper !== undefined) settings.push(`upperdir=${name(options.upper)}`);
  if (options.work !== undefined) settings.push(`workdir=${name(options.work)}`);
  if (options.volatile) settings.push('volatile');
  for (const [key, value] of Object.entries(options.options ?? {})) {
    settings.push(value === '' ? key : `${key}=${value}`);
  }
  check('mount', options.target, libc.mount('overlay', options.target, 'overlay', 0, settings.join(',')));
}
