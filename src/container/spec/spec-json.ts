import type { RuntimeProcess, RuntimeSeccomp, RuntimeSpec } from '#oci/runtime-spec.ts';

/** Filters are some 15 KB each and shared by most containers: each is written out once. */
const filters = new WeakMap<RuntimeSeccomp, string>();

/** `config.json` of a specification. */
export function stringifySpec(spec: RuntimeSpec): string {
  const { linux, process, ...rest } = spec;
  const head = { ...rest, process: jsonProcess(process) };
  const { seccomp, ...rules } = linux;
  const filter = seccomp ? `,"seccomp":${filterJson(seccomp)}` : '';
  return `${open(JSON.stringify(head))},"linux":${open(JSON.stringify(rules))}${filter}}}`;
}

export function stringifyProcess(process: RuntimeProcess): string {
  return JSON.stringify(jsonProcess(process));
}

function filterJson(seccomp: RuntimeSeccomp): string {
  const known = filters.get(seccomp);
  if (known !== undefined) return known;
  const json = JSON.stringify(seccomp);
  filters.set(seccomp, json);
  return json;
}

/** An object's JSON without its closing brace. */
function open(json: string): string {
  return json.slice(0, -1);
}

declare global {
  interface JSON {
    /** ECMAScript "JSON.parse source text access": a piece of JSON as it stands. */
    rawJSON(text: string): object;
  }
}

function jsonProcess(process: RuntimeProcess): object {
  if (!process.rlimits) return process;
  const rlimits = process.rlimits.map(({ type, hard, soft }) => ({
    type,
    hard: exactLimit(hard),
    soft: exactLimit(soft),
  }));
  return { ...process, rlimits };
}

/** "Without limit" exceeds what a JavaScript number holds exactly; JSON has room for it. */
function exactLimit(limit: number | bigint): object {
  return JSON.rawJSON(limit.toString());
}
