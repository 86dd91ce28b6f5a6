/** JSON with numbers as `{ digits }`, so that `1.10` and `1.1` differ. */
export type ExactJson =
  | null
  | boolean
  | string
  | { readonly digits: string }
  | ExactJson[]
  | { [key: string]: ExactJson };

export function exactJson(text: string): ExactJson {
  // TypeScript does not declare the third argument yet (TC39 "JSON.parse source text access").
  const withDigits = ((_key: string, value: unknown, context: { source?: string }) =>
    typeof value === 'number' ? { digits: context.source } : value) as Parameters<typeof JSON.parse>[1];
  return JSON.parse(text, withDigits) as ExactJson;
}

export function isNested(value: ExactJson | undefined): boolean {
  return typeof value === 'object' && value !== null && !('digits' in value && typeof value.digits === 'string');
}

/** Fails unless `line` contains the account as sent, with nested values of its maps as JSON text. */
export function expectSameAccount(line: string, sent: string): void {
  const got = exactJson(line) as Record<string, ExactJson>;
  const want = exactJson(sent) as Record<string, ExactJson>;
  if (Object.keys(got).join() !== Object.keys(want).join()) throw new Error(`Keys differ: got ${line}, sent ${sent}`);
  for (const [key, value] of Object.entries(want)) {
    const maps = key === 'attributes' || key === 'segmentInputValues';
    if (!maps) same(got[key], value);
    else
      for (const [name, inner] of Object.entries(value as object)) {
        const written = (got[key] as Record<string, ExactJson>)[name];
        same(isNested(inner) ? exactJson(written as string) : written, inner);
      }
  }
}

function same(got: ExactJson | undefined, want: ExactJson): void {
  const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
  if (a !== b) throw new Error(`Values differ: got ${a}, sent ${b}`);
}
