/** Flags of ours as the registry's program takes them; what was left at its default is the program's to know. */
export function registryArguments(flags: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === true) return [flag];
    if (Array.isArray(value)) return value.map((item) => `${flag}=${String(item)}`);
    return typeof value === 'string' && value !== '' ? [`${flag}=${value}`] : [];
  });
}
