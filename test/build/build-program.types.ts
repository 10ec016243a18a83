/**
 * What the types of `caisson/build` allow and refuse: nothing of this is run, the compiler reads it (`npm run check`).
 */
import {
  bind,
  build,
  type BuildOptions,
  cache,
  copy,
  from,
  git,
  local,
  run,
  scratch,
  secret,
  type State,
} from 'caisson/build';

declare const engine: Parameters<typeof build>[0];

export const allowed: readonly State[] = [
  from('a').run('text').run(['a', 'list']).expose(80, '53/udp').cmd([]),
  from(scratch()).with(run('x'), copy({ from: git('x'), to: '/' })),
  scratch().run('x', { mounts: [cache('/c'), bind('/b', { from: local('.') }), secret('s', { env: 'S' })] }),
];
export const options: BuildOptions = { ssh: { default: ['a', 'b'], other: 'socket' }, secrets: { s: 'x' } };

export function refused(): readonly unknown[] {
  return [
    // @ts-expect-error: a number is no command
    from('a').run(1),
    // @ts-expect-error: there is no such operation
    from('a').runs('x'),
    // @ts-expect-error: files come from somewhere
    scratch().copy({ to: '/' }),
    // @ts-expect-error: a path is no source: local() says that it is one of this machine
    scratch().copy({ from: './site' }),
    // @ts-expect-error: values of variables are texts
    scratch().env({ PORT: 80 }),
    // @ts-expect-error: misspelt
    scratch().copy({ from: local('.'), ownr: 'a' }),
    // @ts-expect-error: no such network
    run('x', { network: 'bridge' }),
    // @ts-expect-error: no such sharing
    cache('/c', { sharing: 'some' }),
    // @ts-expect-error: a mount of files needs some
    bind('/b', {}),
    // @ts-expect-error: a text is no mount
    run('x', { mounts: ['type=cache'] }),
    // @ts-expect-error: a state is immutable
    (scratch().origin = { kind: 'scratch' }),
    // @ts-expect-error: a state is built, not a text
    build(engine, 'FROM a'),
    // @ts-expect-error: an engine is needed
    build(scratch()),
    // @ts-expect-error: no such output
    build(engine, scratch(), { outputs: [{ type: 'zip' }] }),
    // @ts-expect-error: misspelt
    build(engine, scratch(), { tags: 'a' }),
    // @ts-expect-error: an agent has an id
    build(engine, scratch(), { ssh: 'default' }),
  ];
}
