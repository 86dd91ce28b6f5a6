/** A server with the operations of Athena that `query --stack` uses. A query runs until it has been looked at `looks` times. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, vi } from 'vitest';
import type { AwsFailure } from './small-aws.ts';
import { STATE_MACHINE, smallWorld } from './small-aws-world.ts';

export interface AthenaCall {
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export interface AthenaOptions {
  /** Looks at a query before it ends. @default 2 */
  readonly looks?: number;
  readonly columns?: readonly { readonly Name: string; readonly Type: string }[];
  /** The rows of each page of the result. `undefined` is NULL. */
  readonly pages?: readonly (readonly (readonly (string | undefined)[])[])[];
  readonly scannedBytes?: number;
  /** @default DML */
  readonly statementType?: 'DML' | 'DDL' | 'UTILITY';
  /** How it ends. @default SUCCEEDED */
  readonly end?: { readonly State: 'FAILED' | 'CANCELLED'; readonly StateChangeReason: string };
  readonly fail?: (call: AthenaCall) => AwsFailure | undefined;
  readonly onLook?: (nth: number) => void;
}

const servers: { close(): void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Starts it until the end of the test, with a deployed stack. @returns the calls to Athena */
export async function smallAthena(options: AthenaOptions = {}): Promise<AthenaCall[]> {
  const { columns = [], pages = [[]], looks = 2, statementType = 'DML' } = options;
  const calls: AthenaCall[] = [];
  let looked = 0;
  let stopped = false;
  const answers: Readonly<Record<string, (input: AthenaCall['input']) => object>> = {
    StartQueryExecution: () => ({ QueryExecutionId: 'query-1' }),
    StopQueryExecution: () => {
      stopped = true;
      return {};
    },
    GetQueryExecution: () => {
      looked++;
      options.onLook?.(looked);
      const end = stopped ? { State: 'CANCELLED' } : (options.end ?? { State: 'SUCCEEDED' });
      return {
        QueryExecution: {
          Status: looked >= looks || stopped ? end : { State: looked === 1 ? 'QUEUED' : 'RUNNING' },
          StatementType: statementType,
          Statistics: { DataScannedInBytes: options.scannedBytes ?? 47_000_000 },
        },
      };
    },
    GetQueryResults: ({ NextToken }) => {
      const page = Number(NextToken ?? 0);
      const header = page === 0 && statementType === 'DML' ? [columns.map(({ Name }) => Name)] : [];
      const rows = [...header, ...(pages[page] ?? [])];
      return {
        ...(page + 1 < pages.length ? { NextToken: String(page + 1) } : {}),
        ResultSet: {
          Rows: rows.map((row) => ({ Data: row.map((VarCharValue) => ({ VarCharValue })) })),
          ResultSetMetadata: { ColumnInfo: columns },
        },
      };
    },
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const action = String(request.headers['x-amz-target']).replace('AmazonAthena.', '');
    const call = { action, input: JSON.parse(Buffer.concat(chunks).toString()) };
    calls.push(call);
    const failure = options.fail?.(call);
    response.writeHead(failure?.status ?? 200, { 'content-type': 'application/x-amz-json-1.1' });
    const body = failure ? { __type: failure.type, Message: failure.message } : answers[action]?.(call.input);
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  await smallWorld(
    {},
    { outputs: { BucketName: 'bucket', Workgroup: 'account_export', StateMachineArn: STATE_MACHINE } },
  );
  vi.stubEnv('AWS_ENDPOINT_URL_ATHENA', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return calls;
}
