/** What is said of unusable input: every problem at once, the key, its value, what is allowed; and never too much of it. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  attributeColumnsOf,
  attributeNamesOf,
  ExportRequestSchema,
  ExportSettingsSchema,
  parseOrThrow,
  windowMs,
} from '../../functions/model/export-settings.ts';

/** What is said, without the words around it. */
function problemsOf(schema: z.ZodType, input: unknown): string {
  try {
    parseOrThrow(schema, input, 'The input');
  } catch (error) {
    const { name, message } = error as Error;
    expect(name).toBe('RequestError');
    expect(message).toMatch(/^The input is unusable: .*\.$/s);
    return message.slice('The input is unusable: '.length, -1);
  }
  return 'nothing';
}

const text = z.string({ error: 'a text is needed' });
const Lists = z.object({ list: z.array(text) });

describe('a problem', () => {
  it.each([
    ['a value of the wrong kind', { a: 5 }, 'a is 5; a text is needed'],
    ['a value that is no number', { a: [true] }, 'a is [true]; a text is needed'],
    ['nothing where something is needed', {}, 'a is missing; a text is needed'],
  ])('is told with its key and its value: %s', (_what, input, sentence) => {
    expect(problemsOf(z.object({ a: text }), input)).toBe(sentence);
  });

  it('is told with the way to it', () => {
    const schema = z.object({ exports: z.array(z.object({ deep: z.object({ name: text }) })) });
    expect(problemsOf(schema, { exports: [{ deep: { name: 'ok' } }, { deep: { name: 3 } }] })).toBe(
      'exports[1].deep.name is 3; a text is needed',
    );
    expect(problemsOf(schema, { exports: [{ deep: { nmae: 'x' } }] })).toBe(
      'exports[0].deep.name is missing; a text is needed',
    );
    expect(problemsOf(z.object({ a: z.object({ b: text }).optional() }), { a: null })).toMatch(/^a is null; /);
  });

  it('is told once when it comes twice', () => {
    const never = text.refine(() => false, { error: 'no' });
    expect(problemsOf(z.object({ a: never.refine(() => false, { error: 'no' }) }), { a: 'x' })).toBe('a is "x"; no');
  });

  it('of the whole input has no key', () => {
    expect(problemsOf(z.object({}, { error: 'an object is needed' }), 'x')).toBe('an object is needed');
  });

  it.each([
    [58, `a is "${'x'.repeat(58)}"; no`],
    [59, `a is "${'x'.repeat(56)}…; no`],
    [10_000_000, `a is "${'x'.repeat(56)}…; no`],
  ])('shows the beginning of a long text: of %i characters', (length, sentence) => {
    const never = text.refine(() => false, { error: 'no' });
    expect(problemsOf(z.object({ a: never }), { a: 'x'.repeat(length) })).toBe(sentence);
  });

  it('shows the beginning of a long list, and nothing of one that is nested deeper than can be written', () => {
    const list = Array.from({ length: 1000 }, () => 1);
    expect(problemsOf(z.object({ a: text }), { a: list })).toBe(`a is [${'1,'.repeat(28)}…; a text is needed`);
    let deep: unknown = 1;
    for (let i = 0; i < 200_000; i++) deep = [deep];
    expect(problemsOf(z.object({ a: text }), { a: deep })).toBe('a is nested too deep to be shown; a text is needed');
  });

  it('of a number too large for JSON shows it all the same', () => {
    expect(problemsOf(z.object({ a: text }), { a: Number.POSITIVE_INFINITY })).toBe('a is Infinity; a text is needed');
  });
});

describe('keys that are not known', () => {
  const Strict = z.strictObject({ inner: z.strictObject({}).optional() });
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 1]));

  it.each([
    [1, '"k0" is not known'],
    [2, '"k0", "k1" are not known'],
    [10, '"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9" are not known'],
    [12, '"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9", 2 more are not known'],
  ])('are named up to ten: of %i', (count, sentence) => {
    expect(problemsOf(Strict, keys(count))).toBe(sentence);
  });

  it('are named with the way to them, and not in full when they are long', () => {
    expect(problemsOf(Strict, { inner: keys(1) })).toBe('inner: "k0" is not known');
    expect(problemsOf(Strict, { ['k'.repeat(61)]: 1 })).toBe(`"${'k'.repeat(60)}" is not known`);
  });
});

describe('many problems', () => {
  it('are told as long as somebody would read them, and the others counted', () => {
    const told = problemsOf(Lists, { list: Array.from({ length: 100 }, () => 7) });
    // Ten of 30 characters and 29 of 31: one more would make over 1,200.
    expect(told.split('; list')).toHaveLength(39);
    expect(told).toMatch(/^list\[0\] is 7; a text is needed; list\[1\]/);
    expect(told).toMatch(/list\[38\] is 7; a text is needed; and 61 more$/);
  });

  it('are all told while they are no longer than 1,200 characters', () => {
    const two = (length: number) => {
      const long = z.string({ error: 'x'.repeat(length) });
      return problemsOf(z.object({ a: long, b: long }), { a: 1, b: 1 });
    };
    expect(two(592)).toBe(`a is 1; ${'x'.repeat(592)}; b is 1; ${'x'.repeat(592)}`);
    expect(two(593)).toBe(`a is 1; ${'x'.repeat(593)}; and 1 more`);
  });

  it('begin with the first, however long that is', () => {
    const error = 'x'.repeat(2000);
    expect(problemsOf(z.object({ a: z.string({ error }) }), { a: 1 })).toBe(`a is 1; ${error}`);
  });
});

describe('a window', () => {
  it.each([
    ['P1W', 604_800_000],
    ['P2D', 172_800_000],
    ['PT3H', 10_800_000],
    ['PT4M', 240_000],
    ['P1W2DT3H4M', 788_640_000],
  ])('%s lasts %i ms', (duration, ms) => {
    expect(windowMs(duration)).toBe(ms);
  });

  it.each([
    [{ window: 'P7D', start: '2026-08-01' }],
    [{ window: 'P7D', end: '2026-08-01' }],
    [{ window: 'P7D', start: '2026-08-01', end: '2026-08-02' }],
  ])('stands beside no fixed date: %j', (request) => {
    expect(problemsOf(ExportRequestSchema, request)).toBe(
      'window is "P7D"; either window or start and end are allowed, not both',
    );
  });

  it('ends after it starts', () => {
    expect(problemsOf(ExportRequestSchema, { start: 1000, end: 1000 })).toBe(
      'end is 1000; end must be later than start',
    );
    expect(problemsOf(ExportRequestSchema, { start: 1000, end: 1001 })).toBe('nothing');
    expect(problemsOf(ExportRequestSchema, { start: 1000 })).toBe('nothing');
    expect(problemsOf(ExportRequestSchema, { end: 1000 })).toBe('nothing');
  });
});

describe('what belongs to a schedule', () => {
  const configured = (more: object) => problemsOf(ExportSettingsSchema, { name: 'a', datasetId: 'b', ...more });

  it.each([
    [{ timeZone: 'Europe/Berlin' }, 'timeZone is "Europe/Berlin"'],
    [{ flexibleMinutes: 5 }, 'flexibleMinutes is 5'],
    [{ scheduleEnabled: false }, 'scheduleEnabled is false'],
  ])('is refused without one: %j', (more, said) => {
    expect(configured(more)).toBe(`${said}; it belongs to a schedule, and there is none`);
    expect(configured({ ...more, schedule: 'rate(1 day)' })).toBe('nothing');
  });

  it('is a due time, where a schedule starts a run', () => {
    expect(problemsOf(ExportRequestSchema, { scheduled: true })).toBe(
      'dueAt is missing; a scheduled run needs the time it was due',
    );
    expect(problemsOf(ExportRequestSchema, { scheduled: true, dueAt: '2026-08-22' })).toBe('nothing');
    expect(problemsOf(ExportRequestSchema, {})).toBe('nothing');
  });
});

describe('attribute columns', () => {
  const exports = [
    { format: 'csv', attributeColumns: ['b', 'a'] },
    { format: 'json', attributeColumns: ['c'] },
    { format: 'csv' },
    { format: 'csv', attributeColumns: ['a', 'd'] },
  ] as const;
  const asConfigured = exports.map(({ format, ...more }) => ({
    format,
    ...('attributeColumns' in more ? { attributeColumns: [...more.attributeColumns] } : {}),
  }));

  it('of the CSV table are those of all CSV exports, each once, in the order they are first named', () => {
    expect(attributeColumnsOf(asConfigured)).toEqual(['b', 'a', 'd']);
    expect(attributeColumnsOf([])).toEqual([]);
  });

  it('that analysts may ask for are those of all exports', () => {
    expect(attributeNamesOf(asConfigured)).toEqual(['b', 'a', 'c', 'd']);
  });
});
