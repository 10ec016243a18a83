/**
 * A build as a program: three workers from one function, a server that has what they compute, and no Dockerfile.
 *
 *     node examples/build-program/build.ts ROOT        (as root; ROOT is where the engine keeps its data)
 */
import { join } from 'node:path';
import { build, cache, from, local, run, scratch, type State } from 'caisson/build';
import { Engine } from 'caisson';

const site = local(join(import.meta.dirname, 'site'), { ignore: ['*.tmp'] });

/** One number, computed in a stage of its own. */
function worker(base: State, name: string, expression: string): State {
  const computed = base.run(`expr ${expression} > /${name}.txt`);
  return scratch().copy({ from: computed, paths: `/${name}.txt`, to: '/values/' });
}

/** @param base an image with a shell */
export function program(base: State): State {
  const values = { sum: '2 + 3', product: '2 \\* 3', rest: '7 % 3' };
  const workers = Object.entries(values).map(([name, expression]) => worker(base, name, expression));
  return base
    .with(
      run('mkdir -p /www && date > /var/cache/app/built', { mounts: [cache('/var/cache/app')] }),
      ...['80', '443'].map((port) => (state: State) => state.expose(port)),
    )
    .copy({ from: site, to: '/www/' })
    .merge(...workers)
    .workdir('/www')
    .label({ 'org.opencontainers.image.title': 'Built by a program' })
    .cmd(['cat', 'index.html', '/values/sum.txt']);
}

if (import.meta.main) {
  const [, , root = '/var/lib/caisson-example'] = process.argv;
  await using engine = await Engine.start({ root, run: join(root, 'run') });
  const { id } = await build(engine, program(from('busybox')), {
    tag: 'example/program',
    onEvent: (event) => {
      if (event.type === 'vertex' && event.vertex.completedAtMs !== undefined)
        process.stdout.write(`${event.vertex.cached ? 'CACHED' : 'done  '} ${event.vertex.name}\n`);
    },
  });
  process.stdout.write(`built ${id}\n`);
}
