/** The facts that the command `query` must match, on Trino. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type SmallS3, startSmallS3 } from '../support/small-s3.ts';
import { DIALECT_DIFFERENCES, DIALECT_FACTS } from '../trino/dialect-facts.ts';
import { startTrino, type Trino, trinoMissing } from '../trino/trino.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 600_000 });

const missing = await trinoMissing();
if (missing !== undefined) process.stdout.write(`Skipping the tests on Trino: ${missing}.\n`);

describe.skipIf(missing !== undefined)('on Trino', () => {
  let s3: SmallS3;
  let trino: Trino;

  beforeAll(async () => {
    s3 = await startSmallS3(['exports']);
    trino = await startTrino(s3.url, ['exports']);
  });

  afterAll(async () => {
    await trino?.close();
    await s3?.close();
  });

  it.each(DIALECT_FACTS)('%s', async (expression, value) => {
    const [[found] = []] = await trino.query(`SELECT ${expression}`);
    // Decimals arrive as text.
    expect(typeof value === 'number' && typeof found === 'string' ? Number(found) : found).toEqual(value);
  });

  it.each(DIALECT_DIFFERENCES)('%s', async (expression, value) => {
    const rows = await trino.query(`SELECT ${expression}`).catch(() => [['fails']]);
    expect(rows[0]?.[0]).toEqual(value);
  });
});
