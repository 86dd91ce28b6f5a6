/** What a run left: objects, partitions, and rows as the command `query` finds them in a copy of the bucket. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openLocalDatabase } from '../../cli/query/local-database.ts';
import { plainValue } from '../../cli/query/plain-value.ts';
import type { Manifest } from '../../functions/model/manifest.ts';
import type { DeployedStack } from './deployed-stack.ts';

/** All objects below a prefix, by key. */
export async function objectsBelow({ aws, bucket }: DeployedStack, prefix: string): Promise<Map<string, Buffer>> {
  const objects = new Map<string, Buffer>();
  const { Contents = [], IsTruncated } = await aws.s3.listObjectsV2({ Bucket: bucket, Prefix: prefix });
  if (IsTruncated) throw new Error(`More than 1,000 objects below ${prefix}.`);
  for (const { Key = '' } of Contents) {
    const { Body } = await aws.s3.getObject({ Bucket: bucket, Key });
    objects.set(Key, Buffer.from((await Body?.transformToByteArray()) ?? []));
  }
  return objects;
}

export async function manifestOf(stack: DeployedStack, runId: string): Promise<Manifest> {
  const folder = `export_runs/run_id=${runId}/`;
  const text = (await objectsBelow(stack, folder)).get(`${folder}manifest.json`) ?? '';
  return JSON.parse(text.toString()) as Manifest;
}

/** The partitions of a table, as `value/value/value`, sorted. */
export async function partitionsOf({ aws, outputs }: DeployedStack, table: string): Promise<string[]> {
  const { Partitions = [] } = await aws.glue.getPartitions({ DatabaseName: outputs.Workgroup, TableName: table });
  return Partitions.map(({ Values = [] }) => Values.join('/')).sort();
}

/** Hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Copies the bucket to a folder and queries it, as after `aws s3 sync`. */
export async function rowsIn(stack: DeployedStack, folder: string, sql: string): Promise<Record<string, unknown>[]> {
  for (const prefix of ['accounts_', 'export_runs/']) {
    for (const [key, bytes] of await objectsBelow(stack, prefix)) {
      await mkdir(dirname(join(folder, key)), { recursive: true });
      await writeFile(join(folder, key), bytes);
    }
  }
  const connection = await openLocalDatabase(folder);
  try {
    const reader = await connection.runAndReadAll(sql);
    const columns = reader.columnNames();
    return reader.getRows().map((row) => Object.fromEntries(row.map((value, i) => [columns[i], plainValue(value)])));
  } finally {
    connection.closeSync();
  }
}
