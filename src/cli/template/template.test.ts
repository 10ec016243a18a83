import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indentJson, parseJson, writeJson } from './json-text.ts';
import { compileTemplate } from './template.ts';
import { TemplateError } from './template-error.ts';
import { Row, type Value } from './value.ts';

const data: Value = {
  Name: '/web',
  State: { Status: 'running', Running: true, ExitCode: 0 },
  Config: { Env: ['A=1', 'B=2'], Labels: { a: '1', 'b.c': '2' }, Cmd: ['sh', '-c', 'x'] },
  NetworkSettings: { Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }], '53/udp': null } },
  Empty: null,
  Count: 3,
};

const cases: readonly (readonly [source: string, expected: string])[] = [
  ['{{.Name}}', '/web'],
  ['a{{.State.Status}}b', 'arunningb'],
  ['{{json .Config.Cmd}}', '["sh","-c","x"]'],
  ['{{.Config.Cmd}}', '[sh -c x]'],
  ['{{.Config.Labels}}', 'map[a:1 b.c:2]'],
  ['{{.NetworkSettings.Ports}}', 'map[53/udp:<nil> 80/tcp:[{0.0.0.0 8080}]]'],
  ['{{.Config.Labels.zzz}}', '<no value>'],
  ['{{index .Config.Labels "b.c"}}', '2'],
  ['{{index .Config.Env 1}}', 'B=2'],
  ['{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', '8080'],
  ['{{range .Config.Env}}{{.}},{{end}}', 'A=1,B=2,'],
  ['{{range $i, $e := .Config.Env}}{{$i}}={{$e}};{{end}}', '0=A=1;1=B=2;'],
  ['{{range $p, $c := .NetworkSettings.Ports}}{{$p}} {{end}}', '53/udp 80/tcp '],
  ['{{range .Empty}}x{{else}}none{{end}}', 'none'],
  ['{{if .State.Running}}up{{else}}down{{end}}', 'up'],
  ['{{if eq .State.Status "exited"}}a{{else if eq .State.Status "running" "paused"}}b{{else}}c{{end}}', 'b'],
  ['{{if .State.Health}}h{{else}}n{{end}}', 'n'],
  ['{{with .State}}{{.Status}}{{end}}', 'running'],
  ['{{with $x := .State.Status}}{{$x}}{{$.Name}}{{end}}', 'running/web'],
  ['{{join .Config.Env ","}}', 'A=1,B=2'],
  ['{{.Name | upper | printf "%-6s|"}}', '/WEB  |'],
  ['{{truncate .Name 3}}', '/we'],
  ['{{len .Config.Env}}', '2'],
  ['{{title "abc def"}}', 'Abc Def'],
  ['{{pad .Name 1 2}}|', ' /web  |'],
  ['{{split "a:b" ":"}}', '[a b]'],
  ['{{println "x" 1}}', 'x 1\n'],
  ['a {{- .Name -}} b', 'a/webb'],
  ['{{/* no */}}x', 'x'],
  ['{{and .State.Running .Count}}', '3'],
  ['{{or .Empty "d"}}', 'd'],
  ['{{not .Empty}}', 'true'],
  ['{{gt .Count 2}} {{le .Count 2}}', 'true false'],
  ['{{$a := 1}}{{if true}}{{$a = 2}}{{end}}{{$a}}', '2'],
  ['{{printf "%05d %q %.2f %v %%" 42 "x" 1.5 .State.Running}}', '00042 "x" 1.50 true %'],
  ['{{range .Config.Env}}{{if eq . "B=2"}}{{break}}{{end}}{{.}}{{end}}', 'A=1'],
  ['{{json .State.Health}}', 'null'],
  ['{{slice .Name 1}}', 'web'],
  ['{{"quo\\"te"}} {{`raw`}}', 'quo"te raw'],
];

for (const [source, expected] of cases) {
  test(`${source} gives ${JSON.stringify(expected)}`, () => {
    assert.equal(compileTemplate(source).execute(data), expected);
  });
}

for (const source of [
  '{{.ID',
  '{{if .X}}',
  '{{.Foo}}',
  '{{.State.Foo.Bar}}',
  '{{nope .}}',
  '{{end}}',
  '{{}}',
  '{{index .Config.Env 9}}',
]) {
  test(`${source} is refused`, () => {
    assert.throws(() => compileTemplate(source).execute(data), TemplateError);
  });
}

test('rows have computed fields, methods and JSON in the order of names', () => {
  const row = new Row({ ID: () => 'x', Command: () => '"sh"' }, { Label: (name) => `<${name}>` });
  assert.equal(compileTemplate('{{.ID}} {{.Label "a"}}').execute(row), 'x <a>');
  assert.equal(compileTemplate('{{json .}}').execute(row), '{"Command":"\\"sh\\"","ID":"x"}');
  assert.throws(() => compileTemplate('{{.Nope}}').execute(row), /there are: ID, Command/);
});

test('numbers beyond 2^53 keep their digits', () => {
  const text = '{"a":1795509683123456789,"b":"1795509683123456789","c":1.5,"d":-1}';
  assert.equal(writeJson(parseJson(text)), text);
});

test('JSON is laid out as Go does it', () => {
  assert.equal(
    indentJson('{"a":[1,{"b":"x, {y}"}],"c":{},"d":[ ], "e":1.0}', '    '),
    '{\n    "a": [\n        1,\n        {\n            "b": "x, {y}"\n        }\n    ],\n    "c": {},\n    "d": [],\n    "e": 1.0\n}',
  );
});
