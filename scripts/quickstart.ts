/**
 * The demo of `npm run quickstart`: microservices built and run from this machine's own Debian, and their page over
 * HTTP.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Engine } from '../src/engine/index.ts';

const PROJECT = join(import.meta.dirname, '..');
const CAISSON = join(PROJECT, 'bin/caisson');
const EXAMPLE = 'examples/microservices';
const BASE_IMAGE = 'debian:trixie';
/** Each computes one variable of the page. */
const WORKERS = ['primes', 'load', 'clock'];
const WEB = 'web';
const SERVICES = [...WORKERS, WEB];
const PORTS = [8080, 8081, 8082, 8088, 8888, 18080, 28080];

const ROOT = '/var/lib/caisson';
const RUN = '/run/caisson';
const SOCKET = join(RUN, 'caisson.sock');
/** Holds the process id of the daemon that this script started, so that `--down` stops no other. */
const STARTED = join(RUN, 'quickstart.pid');

const paint = (code: number) => (text: string) =>
  process.stdout.isTTY && !process.env['NO_COLOR'] ? `\x1b[${code}m${text}\x1b[0m` : text;
const bold = paint(1);
const dim = paint(2);
const green = paint(32);

// This script means the engine on its own socket, whatever the environment says.
for (const name of ['CAISSON_HOST', 'DOCKER_HOST', 'DOCKER_CONTEXT']) delete process.env[name];

const flags = process.argv.slice(2);
const unknown = flags.find((flag) => !['--down', '--all'].includes(flag));
if (unknown !== undefined) fail(`no such option as '${unknown}': --down, --down --all, or none expected`);
if (flags.includes('--down')) await down(flags.includes('--all'));
else await up();

async function up(): Promise<void> {
  await startEngine();
  step(`The base image ${BASE_IMAGE}`);
  if (quietly('image', 'inspect', BASE_IMAGE).status === 0) say('It is here already.');
  else {
    say("It is made from this machine's own package mirror, no registry involved. That takes a minute.");
    show('bootstrap', BASE_IMAGE);
  }
  step('Three workers and a web server, built from Dockerfiles');
  for (const worker of WORKERS)
    show('build', '-t', nameOf(worker), '--build-arg', `VARIABLE=${worker}`, `${EXAMPLE}/worker`);
  show('build', '-t', nameOf(WEB), `${EXAMPLE}/web`);
  step('A container each');
  quietly('rm', '-f', ...SERVICES.map(nameOf));
  for (const worker of WORKERS) show('run', '-d', '--name', nameOf(worker), nameOf(worker));
  const port = runWebServer();
  step(`The page, from http://localhost:${port}/`);
  say(indent(await fetchPage(port)));
  step('What runs');
  show('ps');
  step('What the web server printed');
  show('logs', nameOf(WEB));
  step('A command inside it');
  show('exec', nameOf(WEB), 'sh', '-c', 'echo "Debian $(cat /etc/debian_version), host name $(hostname)"');
  suggest(port);
}

/** The name of a service's image and container. */
function nameOf(service: string): string {
  return `quickstart-${service}`;
}

/** `caisson` starts the engine by itself when none listens; here only to know who did it. */
async function startEngine(): Promise<void> {
  step('The engine');
  const wasRunning = await isListening();
  const version = quietly('version', '--format', '{{.Server.Version}}');
  if (version.status !== 0) fail(`the engine did not start:\n${version.stderr}`);
  if (!wasRunning) writeFileSync(STARTED, daemonPid());
  say(`caissond ${version.stdout.trim()} ${wasRunning ? 'runs already' : 'has been started'} on ${SOCKET}.`);
}

function isListening(): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(SOCKET);
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}

/** The daemon that holds the root. */
function daemonPid(): string {
  return readFileSync(join(ROOT, 'lock.pid'), 'utf8').trim();
}

/** Runs the server on a port that is free now, and returns it. */
function runWebServer(): number {
  const name = nameOf(WEB);
  const hosts = WORKERS.flatMap((worker) => ['-e', `${worker.toUpperCase()}_HOST=${nameOf(worker)}`]);
  for (const port of PORTS) {
    const command = ['run', '-d', '--name', name, '-p', `${port}:80`, ...hosts, name];
    const { status, stdout, stderr } = quietly(...command);
    if (status === 0) {
      say(`${dim('$')} ${bold(`caisson ${command.join(' ')}`)}\n${stdout.trimEnd()}`);
      return port;
    }
    if (!/already (allocated|in use)/.test(stderr)) fail(`the container did not start:\n${stderr}`);
    quietly('rm', '-f', name);
    say(`Port ${port} is taken, so another one.`);
  }
  return fail(`none of the ports ${PORTS.join(', ')} is free`);
}

async function fetchPage(port: number): Promise<string> {
  const deadline = AbortSignal.timeout(10_000);
  for (;;) {
    try {
      const response = await fetch(`http://localhost:${port}/`, { signal: deadline });
      if (response.status !== 200) return fail(`the page answered ${response.status}`);
      const page = await response.text();
      // A worker may still be starting, too.
      if (!page.includes('<dd>away</dd>')) return page;
      if (deadline.aborted) return fail(`a worker does not answer:\n${page}`);
      await sleep(50);
    } catch (error) {
      // The server may still be starting.
      if (deadline.aborted || !isRunning()) {
        const { stdout, stderr } = quietly('logs', nameOf(WEB));
        return fail(`the page cannot be reached: ${String(error)}\nThe container says:\n${stdout}${stderr}`);
      }
      await sleep(50);
    }
  }
}

function isRunning(): boolean {
  return quietly('inspect', '-f', '{{.State.Running}}', nameOf(WEB)).stdout.trim() === 'true';
}

function suggest(port: number): void {
  step('What to try next');
  const lines = [
    [`caisson logs -f ${nameOf(WEB)}`, `and open http://localhost:${port}/ in a browser`],
    [`caisson stop ${nameOf('clock')}`, 'and reload the page: the others do not mind'],
    [`caisson exec -it ${nameOf(WEB)} bash`, 'a shell inside'],
    [`caisson run -it --rm ${BASE_IMAGE} bash`, 'a container of your own, gone when you leave'],
    [`caisson --help`, "Docker's commands"],
    [`docker -H unix://${SOCKET} ps`, 'any Docker client works too'],
    ['npm run quickstart -- --down', 'everything away again'],
  ];
  const width = Math.max(...lines.map(([command = '']) => command.length));
  for (const [command = '', meaning = ''] of lines) say(`  ${command.padEnd(width)}  ${dim(meaning)}`);
  say(dim(`\n(caisson is ${CAISSON}; put ${join(PROJECT, 'bin')} into your PATH)`));
}

async function down(withImage: boolean): Promise<void> {
  if (!(await isListening()) && readStartedPid() === undefined)
    return say('No engine is running: nothing to do.');
  // One that has crashed has left containers and mounts that only its successor can clean up.
  await startEngine();
  step('Cleaning up');
  const images = [...SERVICES.map(nameOf), BASE_IMAGE];
  if (quietly('rm', '-f', ...SERVICES.map(nameOf)).status === 0) say('The containers are gone.');
  if (withImage && quietly('rmi', ...images).status === 0) say('The images are gone.');
  const started = readStartedPid();
  if (started === undefined || started !== daemonPid()) {
    return say('The engine runs on: it was not started by this script.');
  }
  const others = quietly('ps', '-q').stdout.trim();
  if (others !== '') return say('The engine runs on: other containers need it.');
  await stopDaemon(Number(started));
  await removeFromHost();
  say(`The engine has stopped; its bridge, its firewall table and ${RUN} are gone.`);
  say(withImage ? `What is left is ${ROOT}.` : `Images stay in ${ROOT}, so the next run takes seconds.`);
}

function readStartedPid(): string | undefined {
  try {
    return readFileSync(STARTED, 'utf8');
  } catch {
    return undefined;
  }
}

async function stopDaemon(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + 20_000;
  while (isAlive(pid)) {
    if (Date.now() > deadline) fail(`the engine (process ${pid}) does not stop`);
    await sleep(20);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A daemon leaves bridge and firewall to the next one; this is how a program takes them away. */
async function removeFromHost(): Promise<void> {
  await using engine = await Engine.start({ root: ROOT, run: RUN, networkPoolSize: 0 });
  await engine.networks.destroy();
  await engine[Symbol.asyncDispose]();
  rmSync(RUN, { recursive: true, force: true });
}

/** Shows a command and runs it before the user's eyes. */
function show(...args: readonly string[]): void {
  say(`${dim('$')} ${bold(`caisson ${args.map(quoted).join(' ')}`)}`);
  const { status } = spawnSync(CAISSON, args, { cwd: PROJECT, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) fail(`caisson ${args[0]} failed`);
}

function quietly(...args: readonly string[]) {
  return spawnSync(CAISSON, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
}

function quoted(word: string): string {
  return /^[\w./:=@-]+$/.test(word) ? word : `'${word}'`;
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '  ');
}

function step(title: string): void {
  say(`\n${green('==>')} ${bold(title)}`);
}

/** Written at once, so that it stands in order with what commands print. */
function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(message: string): never {
  process.stderr.write(`quickstart: ${message}\n`);
  process.exit(1);
}
