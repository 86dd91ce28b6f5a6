import { zstdDecompressSync } from 'node:zlib';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { expect, it } from 'vitest';
import { parquetFormat } from '../../functions/formats/parquet.ts';

const GROUP = 4_194_304;
const around = '{"accountStatus":""}'.length;

it.each<[string, number[], bigint[]]>([
  ['shares a group that is one character short of the limit', [GROUP - 1, around], [2n]],
  ['gets its own group if it reaches the limit', [GROUP, around], [1n, 1n]],
  ['gets its own group if it exceeds the limit', [2 * GROUP, GROUP + 1, around], [1n, 1n, 1n]],
  ['completes the group before it', [around, GROUP, around], [2n, 1n]],
  ['is not followed by an empty group if it completes the last one', [around, around, GROUP - 2 * around], [3n]],
])('an account %s', async (_rule, characters, groups) => {
  const sent = characters.map((length) => `{"accountStatus":"${'x'.repeat(length - around)}"}`);
  const { decode, encode } = parquetFormat();
  const file = new Uint8Array((await encode(decode(Buffer.from(`[${sent.join(',')}]`)))).body).buffer;
  expect(parquetMetadata(file).row_groups.map(({ num_rows }) => num_rows)).toEqual(groups);
  const rows = await parquetReadObjects({ file, compressors: { ZSTD: (bytes) => zstdDecompressSync(bytes) } });
  expect(rows.map(({ accountstatus }) => String(accountstatus).length + around)).toEqual(characters);
});
