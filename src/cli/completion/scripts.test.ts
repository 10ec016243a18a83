import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { completionScript } from './scripts.ts';

const directory = mkdtempSync(join(tmpdir(), 'caisson-completion-'));
after(() => rmSync(directory, { recursive: true, force: true }));
mkdirSync(join(directory, 'run'));
writeFileSync(join(directory, 'Dockerfile'), 'FROM bb AS first\nRUN true\nfrom first as second\n');
const script = await completionScript('bash');

/** An engine of a few names stands in for what the script asks. */
const ENGINE = `caisson() {
  case "$1" in
    images) printf '%s\n' 'host:5000/app:1' 'host:5000/app:2' 'bb:latest' '<none>:<none>' ;;
    network) printf '%s\n' bridge mine ;;
    ps) echo web ;;
    context) printf '%s\n' default far ;;
  esac
}`;

/** What bash offers at the end of `line`. */
function offered(line: string): readonly string[] {
  const { stdout, stderr, status } = spawnSync(
    'bash',
    [
      '--norc',
      '-c',
      `${script}\n${ENGINE}\nCOMP_LINE=$1 COMP_POINT=\${#1}\n_caisson\nprintf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      line,
    ],
    { cwd: directory, encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter(Boolean);
}

test('bash: commands are words, whatever the directory holds', () => {
  assert.deepEqual(offered('caisson ru'), ['run']);
  assert.doesNotMatch(script, /complete .*-o filenames/);
});

test('bash: names with colons are completed once, from where bash breaks words', () => {
  assert.deepEqual(offered('caisson run bb'), ['bb:latest']);
  assert.deepEqual(offered('caisson run host:'), ['5000/app:1', '5000/app:2']);
  assert.deepEqual(offered('caisson run --rm host:5000/app:'), ['1', '2']);
  assert.deepEqual(offered('caisson rmi <'), []);
});

test('bash: values of flags are what the flag takes', () => {
  assert.deepEqual(offered('caisson run --network '), ['bridge', 'mine']);
  assert.deepEqual(offered('caisson run --network=m'), ['mine']);
  assert.deepEqual(offered('caisson run -p 80:80 --network m'), ['mine']);
  assert.deepEqual(offered('caisson --context f'), ['far']);
  assert.deepEqual(offered('caisson build --target '), ['first', 'second']);
  assert.deepEqual(offered('caisson ps --filter '), []);
  assert.deepEqual(offered('caisson build -f Dock'), ['Dockerfile']);
  assert.deepEqual(offered('caisson exec w'), ['web']);
});
