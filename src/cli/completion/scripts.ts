import { catalogue, type Entry, type GroupEntry } from '../catalogue.ts';
import type { OperandKind } from '../command.ts';
import { flagName } from '../flag.ts';
import { globalFlags } from '../program.ts';

/** What a shell needs to know of one command line so far. */
interface Node {
  /** The words up to here, joined by spaces. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly summary: string }[];
  readonly flags: readonly {
    readonly word: string;
    readonly summary: string;
    readonly takesValue: boolean;
  }[];
  readonly kind: OperandKind | undefined;
}

/** The script that a user sources; names of containers and images are asked of the engine as they are typed. */
export async function completionScript(shell: 'bash' | 'zsh' | 'fish'): Promise<string> {
  const nodes = await collect(catalogue, []);
  if (shell === 'fish') return fishScript(nodes);
  const bash = bashScript(nodes);
  return shell === 'bash' ? bash : `#compdef caisson\nautoload -U +X bashcompinit && bashcompinit\n${bash}`;
}

async function collect(group: GroupEntry, path: readonly string[]): Promise<readonly Node[]> {
  const inner: Node[] = [];
  const words: { word: string; summary: string }[] = [];
  for (const [name, entry] of Object.entries(group.entries)) {
    words.push({ word: name, summary: await summaryOf(entry) });
    if (entry.kind === 'group') inner.push(...(await collect(entry, [...path, name])));
    else inner.push(await commandNode(entry, [...path, name]));
  }
  const flags = path.length === 0 ? flagsOf(globalFlags) : [];
  return [{ path: path.join(' '), words, flags, kind: undefined }, ...inner];
}

async function summaryOf(entry: Entry): Promise<string> {
  return entry.kind === 'group' ? entry.summary : (await entry.load()).command.summary;
}

async function commandNode(
  entry: Extract<Entry, { kind: 'command' }>,
  path: readonly string[],
): Promise<Node> {
  const { command } = await entry.load();
  return { path: path.join(' '), words: [], flags: flagsOf(command.flags), kind: command.operands.kind };
}

type FlagTable = Readonly<
  Record<
    string,
    { readonly summary: string; readonly type: string; readonly short?: string; readonly hidden?: boolean }
  >
>;

function flagsOf(table: FlagTable): Node['flags'] {
  return Object.entries(table)
    .filter(([, flag]) => !flag.hidden)
    .flatMap(([key, { summary, type, short }]) => {
      const names = [`--${flagName(key)}`, ...(short === undefined ? [] : [`-${short}`])];
      return names.map((word) => ({ word, summary, takesValue: type !== '' }));
    });
}

const LISTS: Readonly<Record<Exclude<OperandKind, 'file'>, string>> = {
  container: "caisson ps -a --format '{{.Names}}'",
  'running-container': "caisson ps --format '{{.Names}}'",
  'stopped-container': "caisson ps -a -f status=exited -f status=created --format '{{.Names}}'",
  image: "caisson images --format '{{.Repository}}:{{.Tag}}'",
  volume: 'caisson volume ls -q',
  network: "caisson network ls --format '{{.Name}}'",
  context: 'caisson context ls -q',
};

function listOf(kind: OperandKind | undefined): string | undefined {
  return kind === undefined || kind === 'file' ? undefined : LISTS[kind];
}

function bashScript(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, words, flags, kind }) => {
    const all = words.map(({ word }) => word).join(' ');
    const switches = flags.map(({ word }) => word).join(' ');
    const valued = flags.filter(({ takesValue }) => takesValue).map(({ word }) => word);
    return `    "${path}") words="${all}"; flags="${switches} --help"; valued=" ${valued.join(' ')} "; list="${listOf(kind) ?? ''}" ;;`;
  });
  return `# bash completion for caisson
__caisson_node() {
  case "$1" in
${cases.join('\n')}
    *) return 1 ;;
  esac
}
_caisson() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" words flags valued list word skip=0 index
  __caisson_node "" || return
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if ((skip)); then skip=0; continue; fi
    if [[ $word == -* ]]; then
      [[ $valued == *" $word "* ]] && skip=1
      continue
    fi
    if [[ " $words " == *" $word "* ]]; then
      path="\${path:+$path }$word"
      __caisson_node "$path" || return
    fi
  done
  if ((skip)); then COMPREPLY=($(compgen -f -- "$current")); return; fi
  if [[ $current == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$current")); return; fi
  if [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$current")); return; fi
  if [[ -n $list ]]; then COMPREPLY=($(compgen -W "$(eval "$list" 2>/dev/null)" -- "$current")); return; fi
  COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -o bashdefault -F _caisson caisson
`;
}

function fishScript(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, words, flags, kind }) => {
    const here = condition(path);
    const list = listOf(kind);
    return [
      ...words.map(
        ({ word, summary }) => `complete -c caisson -f -n ${here} -a ${word} -d ${quote(summary)}`,
      ),
      ...(list === undefined
        ? []
        : [`complete -c caisson -f -n ${here} -a ${quote(`(${list} 2>/dev/null)`)}`]),
      ...flags.map(({ word, summary, takesValue }) => {
        const name = word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`;
        return `complete -c caisson -n ${here} ${name}${takesValue ? ' -r' : ''} -d ${quote(summary)}`;
      }),
    ];
  });
  return `# fish completion for caisson
function __caisson_at
  set -l words (string match -v -- '-*' (commandline -opc)[2..])
  test "$argv" = "$words[1..(count $argv)]" -a (count $argv) -le (count $words); or test -z "$argv" -a -z "$words"
end
${lines.join('\n')}
`;
}

function condition(path: string): string {
  return quote(`__caisson_at ${path}`.trim());
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
