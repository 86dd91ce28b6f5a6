import { describe, expect, it } from 'vitest';
import { changesOf, countAccounts } from '../../bench/peers/compare.ts';
import { endingText } from '../../bench/peers/document.ts';
import type { AccountValues, ReadAccount } from '../../bench/peers/read-output.ts';
import { endingOf } from '../../bench/peers/trouble-runs.ts';
import { exactJson } from '../support/exact-json.ts';

describe('what a peer delivered, held against what was served', () => {
  it('counts what is lost, doubled and unknown', () => {
    const delivered = ['Acme 0', 'Acme 2', 'Acme 2', 'Acme', 'Acme 7', undefined].map(named);
    expect(countAccounts(delivered, [0, 1, 2, 3], 4)).toEqual({ delivered: 6, lost: 2, doubled: 1, unknown: 3 });
  });

  it('counts no account that came meanwhile as unknown', () => {
    expect(countAccounts(['Acme 0', 'Acme 9'].map(named), [0], 10)).toEqual({
      delivered: 2,
      lost: 0,
      doubled: 0,
      unknown: 0,
    });
  });

  it.each([
    ['nothing', '{"n":1.10,"s":"a"}', '{"n":1.10,"s":"a"}', []],
    ['a digit beyond a double', '{"n":9007199254740993}', '{"n":9007199254740992.0}', ['digits']],
    ['the sign', '{"n":-5}', '{"n":5}', ['digits']],
    ['the power of ten', '{"n":1E+3}', '{"n":100.0}', ['digits']],
    ['a zero at the end', '{"n":1.10}', '{"n":1.1}', ['rewritten']],
    ['a power of ten written out', '{"n":1E+3}', '{"n":1000.0}', ['rewritten']],
    ['nought', '{"n":0.0}', '{"n":0}', ['rewritten']],
    ['a value that is gone', '{"n":5}', '{}', ['gone']],
    ['a value that became null', '{"n":5}', '{"n":null}', ['gone']],
    ['a null that is left out', '{"n":null}', '{}', ['rewritten']],
    ['a number as text', '{"n":5}', '{"n":"5"}', ['otherType']],
    ['true as text', '{"n":true}', '{"n":"True"}', ['otherType']],
    ['text that is another', '{"s":"a\\nb"}', '{"s":"a b"}', ['otherText']],
    ['a value that nobody sent', '{}', '{"n":5}', ['added']],
    ['a null that nobody sent', '{}', '{"n":null}', []],
    ['a list as its JSON text', '{"l":["a",1.50]}', '{"l":"[\\"a\\", 1.5]"}', ['rewritten']],
    ['a list as JSON text of another', '{"l":["a",1.51]}', '{"l":"[\\"a\\", 1.5]"}', ['otherText']],
    ['a list that lost an element', '{"l":["a","b"]}', '{"l":["a"]}', ['otherType']],
  ])('tells %s', (_, sent, got, changes) => {
    const inAttributes = { fields: {}, attributes: values(got) };
    expect([...changesOf(sent, { fields: values(got), attributes: {} })]).toEqual(changes);
    expect([...changesOf(`{"attributes":${sent}}`, inAttributes)]).toEqual(changes);
  });

  it('does not call nested values gone where other tables have rows of the account', () => {
    const got = { fields: {}, attributes: {}, inOtherTables: true };
    expect([...changesOf('{"attributes":{"tags":["a"]}}', got)]).toEqual(['otherTable']);
    expect([...changesOf('{"attributes":{"tier":"1"}}', got)]).toEqual(['gone']);
  });
});

it.each([
  ['complete', { exitCode: 0, lost: 0 }],
  ['silent', { exitCode: 0, lost: 1 }],
  ['silent', { exitCode: 0, lost: 1, verdict: 'consistent' }],
  ['told', { exitCode: 0, lost: 1, verdict: 'drifted' }],
  ['failed', { exitCode: 1, lost: 0 }],
  ['endless', { exitCode: -9, lost: 0, timedOut: true }],
])('calls a run %s that ended with %j', (ending, { lost, ...run }) => {
  const comparison = { delivered: 0, lost, doubled: 0, unknown: 0 };
  expect(endingOf({ ...UNTOUCHED, ...run, comparison })).toBe(ending);
});

it.each([
  ['failed, nothing written', { delivered: 0 }],
  ['failed, 2,000 records written', { delivered: 2000 }],
  ['failed, nothing published', { delivered: 0, published: false }],
  ['failed, nothing published, 2,000 records written', { delivered: 2000, published: false }],
  ['failed, **and published**, 2,000 records written', { delivered: 2000, published: true }],
])('says of a run “%s” that left %j', (text, { delivered, ...run }) => {
  const comparison = { delivered, lost: 0, doubled: 0, unknown: 0 };
  expect(endingText({ ending: 'failed', run: { ...UNTOUCHED, exitCode: 1, ...run, comparison } })).toBe(text);
});

const UNTOUCHED = {
  timedOut: false,
  wallSeconds: 1,
  cpuSeconds: 1,
  peakBytes: 1,
  deliveredBytes: 1,
  seen: { requests: 1, recordsServed: 1, maxInFlight: 1, cpuSeconds: 1 },
};

function named(name: string | undefined): ReadAccount {
  return { name, values: (): AccountValues => ({ fields: {}, attributes: {} }) };
}

function values(text: string): AccountValues['fields'] {
  return exactJson(text) as AccountValues['fields'];
}
