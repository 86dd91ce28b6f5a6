/** Any bytes as JSON: decoded without changing a value, or rejected with a named error. */
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeJson, type JsonPage, jsonLinesFormat } from '../../functions/formats/json-lines.ts';
import { parquetFormat } from '../../functions/formats/parquet.ts';
import { isExportError } from '../../functions/model/errors.ts';
import { exactJson, expectSameAccount } from '../support/exact-json.ts';
import { propertyRuns } from '../support/property-runs.ts';
import { mutationOf } from './mutations.ts';

const NAMES = ['ApiAnswerError', 'ApiContentError', 'PageTooLargeError'];

/** `undefined` for a rejected body. */
function decoded(body: Buffer): JsonPage | undefined {
  try {
    return decodeJson(body);
  } catch (error) {
    if (!isExportError(error) || !NAMES.includes(error.name)) throw error;
    expect(error.message.length).toBeLessThan(300);
    return undefined;
  }
}

const number = fc.oneof(
  fc.stringMatching(/^-?(?:0|[1-9]\d{0,39})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,4})?$/),
  fc.constantFrom('-0', '9007199254740993', '1.10', '1E400', '-0.0e-0', `1${'0'.repeat(400)}`),
);
/** Strings as sent, with unpaired surrogates, unnecessary escapes and all planes. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }).map((value) => JSON.stringify(value)),
  fc
    .array(
      fc.constantFrom(
        '\\ud800',
        '\\udfff',
        '\\u0000',
        '\\u0041',
        '\\/',
        '\\\\',
        '\\"',
        '\\n',
        'é',
        '🚀',
        '\u2028',
        '[',
        '{',
        ',',
        ':',
      ),
    )
    .map((pieces) => `"${pieces.join('')}"`),
);
const blank = fc.constantFrom('', '', '', ' ', '\n', '\r\n\t');

const { value } = fc.letrec<{ value: string; members: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(number, text, fc.constantFrom('true', 'false', 'null')),
    fc.tuple(blank, fc.array(tie('value'), { maxLength: 4 })).map(([gap, items]) => `[${gap}${items.join(`${gap},`)}]`),
    tie('members'),
    fc
      .tuple(fc.integer({ min: 1, max: 990 }), tie('value'))
      .map(([n, inner]) => (depthOf(inner) + n > 990 ? inner : `${'['.repeat(n)}${inner}${']'.repeat(n)}`)),
  ),
  members: fc
    .tuple(
      blank,
      fc.uniqueArray(fc.tuple(text, tie('value')), { maxLength: 4, selector: ([key]) => JSON.parse(key) as string }),
    )
    .map(
      ([gap, members]) =>
        `{${gap}${members.map(([key, inner]) => `${key}${gap}:${gap}${inner}`).join(`${gap},`)}${gap}}`,
    ),
}));

function depthOf(json: string): number {
  let [depth, deepest, inText] = [0, 0, false];
  for (let i = 0; i < json.length; i++) {
    const c = json[i];
    if (c === '\\') i++;
    else if (c === '"') inText = !inText;
    else if (!inText && (c === '[' || c === '{')) deepest = Math.max(deepest, ++depth);
    else if (!inText && (c === ']' || c === '}')) depth--;
  }
  return deepest;
}

const map = fc
  .uniqueArray(fc.tuple(text, value), { maxLength: 4, selector: ([key]) => JSON.parse(key) as string })
  .map((members) => `{${members.map(([key, inner]) => `${key}:${inner}`).join(',')}}`);
/** `other` is an unknown field, so its value stays as it is. */
const account = fc
  .tuple(fc.nat(), map, map, value)
  .map(
    ([id, attributes, values, other]) =>
      `{"name":"${id}","attributes":${attributes},"segmentInputValues":${values},"other":${other}}`,
  );
const accounts = fc.uniqueArray(account, {
  maxLength: 5,
  selector: (json) => (JSON.parse(json) as { name: string }).name,
});

describe('decodeJson', () => {
  it('decodes or rejects any bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
    const likely = fc
      .array(
        fc.constantFrom(
          '[',
          ']',
          '{',
          '}',
          '"',
          ':',
          ',',
          '\\',
          ' ',
          '1',
          '-',
          '.',
          'e',
          'null',
          '"name"',
          '\ufeff',
          '\0',
          'é',
        ),
        { maxLength: 40 },
      )
      .map((tokens) => Buffer.from(tokens.join('')));
    fc.assert(
      fc.property(fc.oneof(bytes, likely), (body) => void decoded(body)),
      { numRuns: propertyRuns(300, 3000) },
    );
  });

  it('rejects any truncated body', () => {
    fc.assert(
      fc.property(accounts, fc.nat(), (list, at) => {
        const body = Buffer.from(`[${list.join(',')}]`);
        expect(decoded(body)?.records).toBe(list.length);
        expect(decoded(body.subarray(0, at % body.length))).toBeUndefined();
      }),
      { numRuns: propertyRuns(50, 500) },
    );
  });

  it('rejects a modified body or writes all its records', async () => {
    const mutated = accounts.chain((list) => mutationOf(Buffer.from(`[${list.join(',')}]`)));
    await fc.assert(
      fc.asyncProperty(mutated, async (body) => {
        const page = decoded(body);
        if (!page) return;
        const sent = exactJson(body.toString('utf8').replace(/^\ufeff/, '')) as unknown[];
        expect(page.records).toBe(sent.length);
        const part = gunzipSync((await jsonLinesFormat().encode(page)).body).toString();
        const lines = part.split('\n').slice(0, -1);
        expect(lines).toHaveLength(sent.length);
        for (const line of lines) JSON.parse(line);
        const { decode, encode } = parquetFormat();
        await encode(decode(body));
      }),
      { numRuns: propertyRuns(60, 1000) },
    );
  });
});

describe('a JSON part', () => {
  it('preserves any account', async () => {
    await fc.assert(
      fc.asyncProperty(accounts, async (list) => {
        const page = decodeJson(Buffer.from(`[${list.join(' ,\r\n')}]`));
        const lines = gunzipSync((await jsonLinesFormat().encode(page)).body)
          .toString()
          .split('\n')
          .slice(0, -1);
        expect(lines).toHaveLength(list.length);
        for (const [i, line] of lines.entries()) expectSameAccount(line, list[i] ?? '');
      }),
      { numRuns: propertyRuns(30, 150) },
    );
  });

  it('keeps repeated keys and their values in order', async () => {
    const key = fc.constantFrom('"a"', '"b"', '"\\u0061"', '"__proto__"');
    const members = fc.array(fc.tuple(key, number), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(members, async (pairs) => {
        const sent = `{${pairs.map((pair) => pair.join(':')).join(',')}}`;
        const page = decodeJson(Buffer.from(`[${sent}]`));
        expect(gunzipSync((await jsonLinesFormat().encode(page)).body).toString()).toBe(`${sent}\n`);
      }),
      { numRuns: propertyRuns(30, 100) },
    );
  });
});
