/**
 * The exit code that Docker's clients expect of a process that could not be started: 126 if it may not be executed, 127
 * if it is not there. It is decided by the text, as in dockerd, since runtimes tell nothing else.
 *
 * @param otherwise for all else: 128 for containers, 126 for execs
 */
export function failedStartCode<Otherwise extends 126 | 128>(
  message: string,
  otherwise: Otherwise,
): 126 | 127 | Otherwise {
  const text = message.toLowerCase();
  if (text.includes('permission denied')) return 126;
  const isMissing = /executable file not found|no such file or directory|not a directory/.test(text);
  // An exec's directory that is missing is none of its program.
  const isDirectory = otherwise === 126 && text.includes('chdir to');
  return isMissing && !isDirectory ? 127 : otherwise;
}
