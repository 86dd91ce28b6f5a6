import fc from 'fast-check';

/** The body with bytes flipped, removed, duplicated or inserted, or truncated. */
export function mutationOf(body: Buffer): fc.Arbitrary<Buffer> {
  const position = fc.nat(Math.max(0, body.length));
  const flip = fc.tuple(position, fc.integer({ min: 1, max: 255 })).map(([at, bits]) => (bytes: Buffer) => {
    const copy = Buffer.from(bytes);
    if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ bits;
    return copy;
  });
  const cutOut = fc.tuple(position, fc.nat(20)).map(
    ([at, length]) =>
      (bytes: Buffer) =>
        Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]),
  );
  const cutOff = position.map((at) => (bytes: Buffer) => bytes.subarray(0, at));
  const double = fc.tuple(position, fc.nat(20)).map(
    ([at, length]) =>
      (bytes: Buffer) =>
        Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]),
  );
  const piece = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 4 }).map((array) => Buffer.from(array)),
    fc
      .constantFrom('"', '\\', ',', '\n', '\r', '[', ']', '{', '}', '\0', '\ufeff', 'é')
      .map((text) => Buffer.from(text)),
  );
  const putIn = fc.tuple(position, piece).map(
    ([at, what]) =>
      (bytes: Buffer) =>
        Buffer.concat([bytes.subarray(0, at), what, bytes.subarray(at)]),
  );
  return fc
    .array(fc.oneof(flip, cutOut, cutOff, double, putIn), { minLength: 1, maxLength: 3 })
    .map((changes) => changes.reduce((bytes, change) => change(bytes), body));
}
