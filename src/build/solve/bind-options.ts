/** Options of a bind mount for the runtime. */
export function bindOptions(readOnly: boolean): readonly string[] {
  return ['rbind', 'rprivate', ...(readOnly ? ['ro'] : [])];
}
