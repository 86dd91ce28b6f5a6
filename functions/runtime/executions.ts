import { SFNClient } from '@aws-sdk/client-sfn';
import { sfnExecutions } from '../aws/sfn-executions.ts';
import { once } from './once.ts';

export const deployedExecutions = once(() => sfnExecutions(new SFNClient({})));
