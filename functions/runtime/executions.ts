import { SFNClient } from '@aws-sdk/client-sfn';
import { sfnExecutions } from '../aws/sfn-executions.ts';
import { once } from './ports.ts';

/** The executions of the state machine. */
export const deployedExecutions = once(() => sfnExecutions(new SFNClient({})));
