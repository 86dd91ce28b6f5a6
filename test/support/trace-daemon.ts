/** Stands in for the X-Ray daemon and records the datagrams that functions send. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const TRACE = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1';

export interface Segment {
  readonly name: string;
  readonly parent_id: string;
  readonly id: string;
  readonly error?: boolean;
  readonly annotations?: Readonly<Record<string, string | number>>;
}

export async function startTraceDaemon() {
  const datagrams: string[] = [];
  const socket = createSocket('udp4', (datagram) => void datagrams.push(datagram.toString()));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    datagrams,
    /** Each datagram is a line of header and a line of segment. */
    segments: () => datagrams.map((datagram) => JSON.parse(datagram.split('\n')[1] ?? '') as Segment),
    /** The environment of a traced Lambda function. */
    environment: {
      AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${socket.address().port}`,
      _X_AMZN_TRACE_ID: TRACE,
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_FUNCTION_NAME: 'a-function',
      LAMBDA_TASK_ROOT: '/var/task',
    },
    close: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}
