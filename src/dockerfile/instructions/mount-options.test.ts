import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isEngineError } from '#base/errors.ts';
import { mountSource, parseMountOptions } from './mount-options.ts';

suite('RUN --mount', () => {
  test('each type with its defaults', () => {
    assert.deepEqual(parseMountOptions('target=/x'), {
      type: 'bind',
      target: '/x',
      readOnly: true,
      source: '',
    });
    assert.deepEqual(parseMountOptions('type=cache,target=/x'), {
      type: 'cache',
      target: '/x',
      readOnly: false,
      source: '',
      id: '',
      sharing: 'shared',
    });
    assert.deepEqual(parseMountOptions('type=tmpfs,target=/x'), {
      type: 'tmpfs',
      target: '/x',
      readOnly: false,
      sizeBytes: 0,
    });
    assert.deepEqual(parseMountOptions('type=secret,target=/run/a/key'), {
      type: 'secret',
      target: '/run/a/key',
      readOnly: true,
      id: 'key',
      required: false,
    });
    assert.deepEqual(parseMountOptions('type=ssh'), {
      type: 'ssh',
      target: '',
      readOnly: true,
      id: '',
      required: false,
    });
  });

  test('all options', () => {
    assert.deepEqual(parseMountOptions('TYPE=Bind,from=s,src=/a,dst=/b,rw'), {
      type: 'bind',
      from: 's',
      source: '/a',
      target: '/b',
      readOnly: false,
    });
    assert.deepEqual(
      parseMountOptions(
        'type=cache,id=i,destination=/b,ro=true,sharing=locked,mode=0755,uid=1,gid=2,source=/s,from=x',
      ),
      {
        type: 'cache',
        id: 'i',
        target: '/b',
        readOnly: true,
        sharing: 'locked',
        mode: 0o755,
        uid: 1,
        gid: 2,
        source: '/s',
        from: 'x',
      },
    );
    assert.deepEqual(parseMountOptions('type=tmpfs,target=/x,size=1.5g'), {
      type: 'tmpfs',
      target: '/x',
      readOnly: false,
      sizeBytes: 1_610_612_736,
    });
    assert.deepEqual(parseMountOptions('type=secret,id=k,env=KEY,required'), {
      type: 'secret',
      id: 'k',
      target: '',
      readOnly: true,
      required: true,
      environment: 'KEY',
    });
    assert.equal(parseMountOptions('"target=/a,b"').target, '/a,b');
  });

  test('values expand, the source does not', () => {
    assert.equal(parseMountOptions('target=$x', (value) => value.replace('$x', '/y')).target, '/y');
    assert.equal(mountSource('type=bind,from=stage'), 'stage');
    assert.equal(mountSource('type=cache,target=/from=x'), undefined);
  });

  test('errors', () => {
    for (const [text, message] of [
      ['type=blnd,target=/x', 'unsupported mount type "blnd" (did you mean bind?)'],
      ['targt=/x', "unexpected key 'targt' in 'targt=/x' (did you mean target?)"],
      ['target', "invalid field 'target' must be a key=value pair"],
      ['size=1', "unexpected key 'size' for mount type 'bind'"],
      ['required', "unexpected key 'required' for mount type 'bind'"],
      ['type=cache,sharing=all', 'unsupported sharing value "all"'],
      ['sharing=locked', 'invalid cache sharing set for bind mount'],
      ['uid=1', 'uid not allowed for "bind" type mounts'],
      ['type=cache,uid=4294967296', 'invalid value 4294967296 for uid'],
      ['type=cache,mode=8', 'invalid value 8 for mode'],
      ['type=secret', 'invalid secret mount. one of source, target required'],
      ['type=secret,id=a,src=b', "both source and id can't be set"],
      ['type=secret,id=a,from=b', 'secret mount should not have a from'],
      ['ro=yes', 'invalid value for ro: yes'],
      ['type=ssh,src=/x', 'ssh does not support source'],
      ['"a', 'failed to parse csv mounts: extraneous or missing " in quoted-field'],
    ] as const)
      assert.throws(
        () => parseMountOptions(text),
        (error) => isEngineError(error, 'invalid') && error.message === message,
        message,
      );
  });
});
