import { expect, test } from 'vitest';
import { jsonWithFloats, wholeFloats } from '../../src/formats/whole-floats.ts';

const text = `{"a": 3.0, "b": 3, "c": [1, 2e2, {"d\\"": -0.0}], "e": "4.0", "f": 0.5, "g": {"h": 1E1}}`;

test('floats that are whole stay floats, integers and texts as they are', () => {
  const floats = wholeFloats(text);
  expect([...floats]).toEqual(['["a"]', '["c",1]', '["c",2,"d\\""]', '["g","h"]']);
  const value = JSON.parse(text) as Record<string, never>;
  const written = jsonWithFloats({ ...value, new: 7 }, floats);
  expect(JSON.parse(written)).toEqual({ ...value, c: [1, 200, { 'd"': 0 }], new: 7 });
  expect(written.replaceAll(/\s/g, '')).toBe(
    '{"a":3.0,"b":3,"c":[1,200.0,{"d\\"":0.0}],"e":"4.0","f":0.5,"g":{"h":10.0},"new":7}',
  );
});

test('a float that is no longer whole is written as it is', () => {
  expect(jsonWithFloats({ a: 2.5 }, wholeFloats('{"a": 3.0}'))).toBe('{\n  "a": 2.5\n}');
});
