/** A server with Glue's partition operations. It keeps partitions by table and values. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface GluePartition {
  readonly Values?: string[];
  readonly Parameters?: Record<string, string>;
  readonly StorageDescriptor: { Location: string; Columns: { Name: string }[] };
}

export interface GlueCall {
  readonly action: string;
  readonly input: { TableName: string; [key: string]: unknown };
}

/** Partitions per page of GetPartitions. */
const PAGE = 2;

/**
 * @param fail makes a call fail
 * @param filters whether GetPartitions applies its expression; Glue does, not every catalog does
 */
export async function startSmallGlue(
  fail: (call: GlueCall) => { status: number; type: string; message?: string } | undefined = () => undefined,
  filters = true,
) {
  const calls: GlueCall[] = [];
  const partitions = new Map<string, GluePartition>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const call: GlueCall = {
      action: String(request.headers['x-amz-target']).replace('AWSGlue.', ''),
      input: JSON.parse(Buffer.concat(chunks).toString()),
    };
    calls.push(call);
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(body));
    };
    const failure = fail(call);
    if (failure) return answer(failure.status, { __type: failure.type, message: failure.message ?? 'hidden' });
    const { TableName, PartitionInputList, PartitionValues } = call.input as never as {
      TableName: string;
      PartitionInputList?: { Values: string[]; StorageDescriptor: { Location: string; Columns: { Name: string }[] } }[];
      PartitionValues?: string[];
    };
    const keyOf = (values: readonly string[]) => `${TableName} ${values.join('/')}`;
    const errors: object[] = [];
    for (const partition of PartitionInputList ?? []) {
      const key = keyOf(partition.Values);
      if (partitions.has(key))
        errors.push({ PartitionValues: partition.Values, ErrorDetail: { ErrorCode: 'AlreadyExistsException' } });
      else partitions.set(key, partition);
    }
    if (call.action === 'GetPartitions') {
      const name = /export_name = '(.*)'/.exec(String(call.input.Expression))?.[1];
      const found = [...partitions].filter(
        ([key, { Values }]) =>
          key.startsWith(`${TableName} `) && (!filters || name === undefined || Values?.[0] === name),
      );
      const from = Number(call.input.NextToken ?? 0);
      const page = found.slice(from, from + PAGE).map(([, partition]) => partition);
      return answer(200, {
        Partitions: page,
        ...(from + PAGE < found.length ? { NextToken: String(from + PAGE) } : {}),
      });
    }
    if (!PartitionValues) return answer(200, { Errors: errors });
    const there = partitions.get(keyOf(PartitionValues));
    if (there && call.action === 'DeletePartition') {
      partitions.delete(keyOf(PartitionValues));
      return answer(200, {});
    }
    answer(there ? 200 : 400, there ? { Partition: there } : { __type: 'EntityNotFoundException' });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    partitions,
    close: () => server.close(),
  };
}
