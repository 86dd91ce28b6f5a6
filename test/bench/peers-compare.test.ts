import { describe, expect, it } from 'vitest';
import { changesOf, countAccounts } from '../../bench/peers/compare.ts';
import { endingText } from '../../bench/peers/document.ts';
import { endingOf } from '../../bench/peers/fault-runs.ts';
import type { AccountValues, ReadAccount } from '../../bench/peers/read-output.ts';
import { exactJson } from '../support/exact-json.ts';

describe('comparing delivered with served accounts', () => {
  it('counts lost, duplicated and unknown accounts', () => {
    const delivered = ['Acme 0', 'Acme 2', 'Acme 2', 'Acme', 'Acme 7', undefined].map(named);
    expect(countAccounts(delivered, [0, 1, 2, 3], 4)).toEqual({ delivered: 6, lost: 2, duplicated: 1, unknown: 3 });
  });

  it('does not count accounts added during the run as unknown', () => {
    expect(countAccounts(['Acme 0', 'Acme 9'].map(named), [0], 10)).toEqual({
      delivered: 2,
      lost: 0,
      duplicated: 0,
      unknown: 0,
    });
  });

  it.each([
    ['nothing', '{"n":1.10,"s":"a"}', '{"n":1.10,"s":"a"}', []],
    ['a digit that a double cannot hold', '{"n":9007199254740993}', '{"n":9007199254740992.0}', ['digits']],
    ['the sign', '{"n":-5}', '{"n":5}', ['digits']],
    ['the power of ten', '{"n":1E+3}', '{"n":100.0}', ['digits']],
    ['a trailing zero', '{"n":1.10}', '{"n":1.1}', ['rewritten']],
    ['a power of ten written out', '{"n":1E+3}', '{"n":1000.0}', ['rewritten']],
    ['zero', '{"n":0.0}', '{"n":0}', ['rewritten']],
    ['a missing value', '{"n":5}', '{}', ['gone']],
    ['a value changed to null', '{"n":5}', '{"n":null}', ['gone']],
    ['a null left out', '{"n":null}', '{}', ['rewritten']],
    ['a number as text', '{"n":5}', '{"n":"5"}', ['otherType']],
    ['true as text', '{"n":true}', '{"n":"True"}', ['otherType']],
    ['a changed string', '{"s":"a\\nb"}', '{"s":"a b"}', ['otherText']],
    ['an added value', '{}', '{"n":5}', ['added']],
    ['an added null', '{}', '{"n":null}', []],
    ['a list as its JSON text', '{"l":["a",1.50]}', '{"l":"[\\"a\\", 1.5]"}', ['rewritten']],
    ['the JSON text of a different list', '{"l":["a",1.51]}', '{"l":"[\\"a\\", 1.5]"}', ['otherText']],
    ['a list that lost an element', '{"l":["a","b"]}', '{"l":["a"]}', ['otherType']],
  ])('classifies %s', (_, sent, got, changes) => {
    const inAttributes = { fields: {}, attributes: values(got) };
    expect([...changesOf(sent, { fields: values(got), attributes: {} })]).toEqual(changes);
    expect([...changesOf(`{"attributes":${sent}}`, inAttributes)]).toEqual(changes);
  });

  it('does not report nested values as missing when other tables have rows of the account', () => {
    const got = { fields: {}, attributes: {}, inOtherTables: true };
    expect([...changesOf('{"attributes":{"tags":["a"]}}', got)]).toEqual(['otherTable']);
    expect([...changesOf('{"attributes":{"tier":"1"}}', got)]).toEqual(['gone']);
  });
});

it.each([
  ['complete', { exitCode: 0, lost: 0 }],
  ['undetected', { exitCode: 0, lost: 1 }],
  ['undetected', { exitCode: 0, lost: 1, verdict: 'consistent' }],
  ['reported', { exitCode: 0, lost: 1, verdict: 'drifted' }],
  ['failed', { exitCode: 1, lost: 0 }],
  ['timedOut', { exitCode: -9, lost: 0, timedOut: true }],
])('classifies as %s a run that ended with %j', (ending, { lost, ...run }) => {
  const comparison = { delivered: 0, lost, duplicated: 0, unknown: 0 };
  expect(endingOf({ ...RUN, ...run, comparison })).toBe(ending);
});

it.each([
  ['failed, nothing written', { delivered: 0 }],
  ['failed, 2,000 records written', { delivered: 2000 }],
  ['failed, nothing published', { delivered: 0, published: false }],
  ['failed, nothing published, 2,000 records written', { delivered: 2000, published: false }],
  ['failed, **and published**, 2,000 records written', { delivered: 2000, published: true }],
])('prints “%s” for %j', (text, { delivered, ...run }) => {
  const comparison = { delivered, lost: 0, duplicated: 0, unknown: 0 };
  expect(endingText({ ending: 'failed', run: { ...RUN, exitCode: 1, ...run, comparison } })).toBe(text);
});

const RUN = {
  timedOut: false,
  wallSeconds: 1,
  cpuSeconds: 1,
  peakBytes: 1,
  deliveredBytes: 1,
  seen: { requests: 1, recordsServed: 1, maxInFlight: 1, cpuMs: 1000 },
};

function named(name: string | undefined): ReadAccount {
  return { name, values: (): AccountValues => ({ fields: {}, attributes: {} }) };
}

function values(text: string): AccountValues['fields'] {
  return exactJson(text) as AccountValues['fields'];
}
