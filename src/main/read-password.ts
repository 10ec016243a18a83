import { text } from 'node:stream/consumers';

/**
 * A password from standard input: a person's without showing it, a program's up to the end.
 *
 * @returns undefined if the person gave up (Ctrl-C, Ctrl-D)
 */
export async function readPassword(): Promise<string | undefined> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) return (await text(stdin)).replace(/\r?\n$/, '');
  stderr.write('Password: ');
  stdin.setRawMode(true);
  try {
    return await typedLine();
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

async function typedLine(): Promise<string | undefined> {
  const characters: string[] = [];
  for await (const chunk of process.stdin.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    for (const character of String(chunk)) {
      if (character === '\r' || character === '\n') return characters.join('');
      if (character === '\u0003' || character === '\u0004') return undefined;
      if (character === '\u007f' || character === '\b') characters.pop();
      else characters.push(character);
    }
  }
  return undefined;
}
