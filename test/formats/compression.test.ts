import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { compress, decompress } from '../../functions/formats/compression.ts';
import { COMPRESSIONS } from '../../functions/model/export-format.ts';

const TEXT = Array.from(
  { length: 500 },
  (_, i) => `{"name":"account ${i} ü","totalActions":${(i * 7919) % 1000}}\n`,
).join('');

describe('compress', () => {
  it('writes gzip, which every tool reads, unless zstd was chosen', async () => {
    expect(gunzipSync(await compress(TEXT)).toString()).toBe(TEXT);
    expect(gunzipSync(await compress(TEXT, 'gzip')).toString()).toBe(TEXT);
    expect(zstdDecompressSync(await compress(TEXT, 'zstd')).toString()).toBe(TEXT);
  });

  it.each(COMPRESSIONS)('writes equal bytes for equal content, as text or as bytes: %s', async (compression) => {
    const part = await compress(TEXT, compression);
    expect(await compress(Buffer.from(TEXT), compression)).toEqual(part);
    expect(await compress(TEXT, compression)).toEqual(part);
  });

  it.each(COMPRESSIONS)('adds a checksum, so that readers reject a damaged part: %s', async (compression) => {
    const part = await compress(TEXT, compression);
    const checksum = part.length - (compression === 'gzip' ? 8 : 4);
    part.writeUInt8(part.readUInt8(checksum) ^ 1, checksum);
    await expect(decompress(part)).rejects.toThrow();
  });
});

describe('decompress', () => {
  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const)('reads any %s part, also an empty one', async (_compression, pack) => {
    for (const text of [TEXT, '']) expect((await decompress(pack(text))).toString()).toBe(text);
  });

  it.each(COMPRESSIONS)('reads what was written as %s', async (compression) => {
    for (const text of [TEXT, '']) expect((await decompress(await compress(text, compression))).toString()).toBe(text);
  });
});
