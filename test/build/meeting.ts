/**
 * A command that ends when another one, which runs at the same time, is there too. `place` is a directory that both
 * have, such as a cache mount. Where no other comes, which takes minutes to be certain of, it fails.
 */
export function meet(place: string, own: string, other: string): string {
  const wait = 'i=$((i+1)); [ $i -lt 6000 ] || exit 9; sleep 0.02';
  return `touch ${place}/${own}; i=0; until [ -e ${place}/${other} ]; do ${wait}; done`;
}
