/** What is reported about invalid input: every problem at once, with key, rule and value, and never too much of it. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { parseOrThrow } from '../../functions/model/parse-input.ts';

/** What is reported, without the frame around it. */
function problemsOf(schema: z.ZodType, input: unknown): string {
  try {
    parseOrThrow(schema, input, 'input');
  } catch (error) {
    const { name, message } = error as Error;
    expect(name).toBe('RequestError');
    expect(message).toMatch(/^Invalid input: .*\.$/s);
    return message.slice('Invalid input: '.length, -1);
  }
  return 'nothing';
}

const text = z.string({ error: 'must be a text' });
const never = text.refine(() => false, { error: 'must not be' });

describe('a problem', () => {
  it.each([
    ['a value of the wrong kind', z.object({ a: text }), { a: 5 }, 'a must be a text (got 5)'],
    ['a list', z.object({ a: text }), { a: [true] }, 'a must be a text (got [true])'],
    ['null', z.object({ a: text }), { a: null }, 'a must be a text (got null)'],
    [
      'a number that JSON cannot hold',
      z.object({ a: text }),
      { a: Number.POSITIVE_INFINITY },
      'a must be a text (got Infinity)',
    ],
    ['a missing value', z.object({ a: text }), {}, 'a must be a text (missing)'],
    ['the whole input', z.object({}), 'x', 'it must be a JSON object'],
    [
      'the same problem twice',
      z.object({ a: never.refine(() => false, { error: 'must not be' }) }),
      { a: 'x' },
      'a must not be (got "x")',
    ],
    [
      'a segment, whose name may identify a person',
      z.object({ filter: text }),
      { filter: 5 },
      'filter must be a text (value not shown)',
    ],
    [
      'an item below a segment',
      z.object({ segmentId: z.array(text) }),
      { segmentId: [5] },
      'segmentId[0] must be a text (value not shown)',
    ],
    [
      'a nested value',
      z.object({ exports: z.array(z.object({ deep: z.object({ name: text }) })) }),
      { exports: [{ deep: { name: 'ok' } }, { deep: { name: 3 } }, { deep: { nmae: 'x' } }] },
      'exports[1].deep.name must be a text (got 3); exports[2].deep.name must be a text (missing)',
    ],
  ])('names the key, the rule and the value of %s', (_what, schema, input, sentence) => {
    expect(problemsOf(schema, input)).toBe(sentence);
  });

  it.each([
    [58, `"${'x'.repeat(58)}"`],
    [59, `"${'x'.repeat(56)}…`],
    [10_000_000, `"${'x'.repeat(56)}…`],
  ])('shows the start of a text of %i characters', (length, shown) => {
    expect(problemsOf(z.object({ a: never }), { a: 'x'.repeat(length) })).toBe(`a must not be (got ${shown})`);
  });

  it('shows the start of a long list, and no value that is nested too deeply', () => {
    const list = Array.from({ length: 1000 }, () => 1);
    expect(problemsOf(z.object({ a: text }), { a: list })).toBe(`a must be a text (got [${'1,'.repeat(28)}…)`);
    let deep: unknown = 1;
    for (let i = 0; i < 200_000; i++) deep = [deep];
    expect(problemsOf(z.object({ a: text }), { a: deep })).toBe(
      'a must be a text (got a value nested too deeply to show)',
    );
  });
});

describe('unknown keys', () => {
  const Strict = z.strictObject({ inner: z.strictObject({}).optional() });
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 1]));

  it('are one problem each', () => {
    expect(problemsOf(Strict, keys(2))).toBe('unknown key "k0"; unknown key "k1"');
    expect(problemsOf(Strict, keys(1000))).toMatch(/; unknown key "k\d\d"; and 9\d\d more$/);
  });

  it('are named with their path, and shortened', () => {
    expect(problemsOf(Strict, { inner: keys(1) })).toBe('unknown key "k0" in inner');
    expect(problemsOf(Strict, { ['k'.repeat(61)]: 1 })).toBe(`unknown key "${'k'.repeat(56)}…`);
  });
});

describe('many problems', () => {
  it('are listed up to 1,200 characters, and the others counted', () => {
    const listed = problemsOf(z.object({ list: z.array(text) }), { list: Array.from({ length: 100 }, () => 7) });
    // Ten of 30 characters and 29 of 31: another one would make over 1,200.
    expect(listed.split('; list')).toHaveLength(39);
    expect(listed).toMatch(
      /^list\[0\] must be a text \(got 7\); list\[1\] .*; list\[38\] must be a text \(got 7\); and 61 more$/,
    );
    const two = (length: number) => {
      const long = z.string({ error: 'x'.repeat(length) });
      return problemsOf(z.object({ a: long, b: long }), { a: 1, b: 1 });
    };
    expect(two(590)).toBe(`a ${'x'.repeat(590)} (got 1); b ${'x'.repeat(590)} (got 1)`);
    expect(two(591)).toBe(`a ${'x'.repeat(591)} (got 1); and 1 more`);
  });

  it('include the first, however long it is', () => {
    const error = 'x'.repeat(2000);
    expect(problemsOf(z.object({ a: z.string({ error }) }), { a: 1 })).toBe(`a ${error} (got 1)`);
  });
});
