import { catalogue, type Entry, type GroupEntry } from '../catalogue.ts';
import type { OperandKind } from '../command.ts';
import { flagName } from '../flag.ts';
import { globalFlags } from '../program.ts';
import { type FlagValues, LISTS, valuesOf } from './flag-values.ts';

/** What a shell needs to know of one command line so far. */
interface Node {
  /** The words up to here, joined by spaces. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly summary: string }[];
  readonly flags: readonly {
    readonly word: string;
    readonly summary: string;
    /** What completes its value; undefined for switches. */
    readonly values: FlagValues | undefined;
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
      const values = type === '' ? undefined : valuesOf(flagName(key));
      return names.map((word) => ({ word, summary, values }));
    });
}

function listOf(kind: OperandKind | undefined): string | undefined {
  return kind === undefined || kind === 'file' ? undefined : LISTS[kind];
}

/** The words come from the line itself: bash breaks its own at colons and equals signs. */
const BASH_FUNCTIONS = `__caisson_files() {
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -f -- "$current"))
}
# Bash breaks words at colons and equals signs too: what stands before the last one is there already.
__caisson_unbroken() {
  local before="\${whole%"\${whole##*[:=]}"}"
  if [[ -n $before && $COMP_WORDBREAKS == *:* ]]; then COMPREPLY=("\${COMPREPLY[@]#"$before"}"); fi
}
_caisson() {
  local line="\${COMP_LINE:0:COMP_POINT}" current="" whole path="" words flags valued values list word previous="" skip=0 globbing=0 index
  local -a typed
  # Zsh, which runs this too, has no read -a.
  [[ $- == *f* ]] || { set -f; globbing=1; }
  typed=($line)
  ((globbing)) && set +f
  COMPREPLY=()
  if [[ $line == *[![:space:]] ]]; then
    current="\${line##*[[:space:]]}"
    typed=("\${typed[@]:0:\${#typed[@]}-1}")
  fi
  whole=$current
  __caisson_node "" || return
  for ((index = 1; index < \${#typed[@]}; index++)); do
    word="\${typed[index]}"
    if ((skip)); then skip=0; continue; fi
    if [[ $word == -* ]]; then
      if [[ $valued == *" $word "* ]]; then skip=1; previous=$word; fi
      continue
    fi
    if [[ " $words " == *" $word "* ]]; then
      path="\${path:+$path }$word"
      __caisson_node "$path" || return
    fi
  done
  if [[ $current == --*=* ]]; then
    previous="\${current%%=*}"; current="\${current#*=}"; skip=1
    whole=$current
  fi
  if ((skip)); then
    __caisson_value "$values $previous"
    [[ -z $list ]] && return
  elif [[ $current == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$current")); return
  elif [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$current")); return
  elif [[ -z $list ]]; then __caisson_files; return
  fi
  COMPREPLY=($(compgen -W "$(eval "$list" 2>/dev/null)" -- "$current"))
  __caisson_unbroken
}
complete -F _caisson caisson
`;

function bashScript(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, words, flags, kind }) => {
    const all = words.map(({ word }) => word).join(' ');
    const switches = flags.map(({ word }) => word).join(' ');
    const valued = flags.filter(({ values }) => values !== undefined).map(({ word }) => word);
    return `    "${path}") words="${all}"; flags="${switches} --help"; valued=" ${valued.join(' ')} "; list="${listOf(kind) ?? ''}"; values="${path}" ;;`;
  });
  const values = nodes.flatMap(({ path, flags }) =>
    flags.flatMap(({ word, values }) =>
      values === undefined || values === 'none'
        ? []
        : [
            `    "${path} ${word}") ${values === 'files' ? '__caisson_files' : `list=${quoteForBash(values.list)}`} ;;`,
          ],
    ),
  );
  return `# bash completion for caisson
__caisson_node() {
  case "$1" in
${cases.join('\n')}
    *) return 1 ;;
  esac
}
__caisson_value() {
  list=
  case "$1" in
${values.join('\n')}
    *) ;;
  esac
}
${BASH_FUNCTIONS}`;
}

function quoteForBash(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Fish offers files where a value is required and nothing else is said; `-x` keeps them away. */
function fishValues(values: FlagValues | undefined): string {
  if (values === undefined) return '';
  if (values === 'files') return ' -r';
  return values === 'none' ? ' -x' : ` -x -a ${quote(`(${values.list} 2>/dev/null)`)}`;
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
      ...flags.map(({ word, summary, values }) => {
        const name = word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`;
        return `complete -c caisson -n ${here} ${name}${fishValues(values)} -d ${quote(summary)}`;
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
