import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeOfMistake } from './json-place.ts';

test('the place of a mistake is found whatever kind it is', () => {
  assert.equal(placeOfMistake('{\n  "owner": ]\n}'), 'line 2, column 12');
  assert.equal(placeOfMistake('{"a": 1 "b": 2}'), 'line 1, column 9');
  assert.equal(placeOfMistake('{"a": 1,}'), 'line 1, column 9');
  assert.equal(placeOfMistake('{a: 1}'), 'line 1, column 2');
  assert.equal(placeOfMistake('{"a": nul]'), 'line 1, column 10');
  assert.equal(placeOfMistake('{"a": 1} x'), 'line 1, column 10');
  assert.equal(placeOfMistake('[\n1.e5]'), 'line 2, column 3');
});

test('what is missing is missing at the end', () => {
  for (const text of ['', '{"a": 1', '{"a": "x', '[1, 2', '{"a": tru']) {
    assert.equal(placeOfMistake(text), 'its end', text);
  }
});
