/** Creates the saved queries through Athena's API, because the emulator's CloudFormation lacks the type. */
import { Athena, type CreateNamedQueryInput } from '@aws-sdk/client-athena';
import type { Emulator } from './emulator.ts';
import type { Template } from './template-changes.ts';

export function namedQueriesOf({ Resources }: Template): CreateNamedQueryInput[] {
  return Object.values(Resources).flatMap(({ Type, Properties = {} }) => {
    if (Type !== 'AWS::Athena::NamedQuery') return [];
    const { Name, Description, Database, QueryString, WorkGroup } = Properties;
    const input = { Name, Description, Database, QueryString, WorkGroup };
    for (const [key, value] of Object.entries(input)) {
      if (typeof value !== 'string')
        throw new Error(`Invalid ${key} of a saved query (${JSON.stringify(value)}): it must be a string.`);
    }
    return [input as CreateNamedQueryInput];
  });
}

export async function createNamedQueries(
  { client }: Emulator,
  queries: readonly CreateNamedQueryInput[],
): Promise<void> {
  const athena = new Athena(client);
  for (const query of queries) {
    // Athena checks that the workgroup exists; the emulator does not.
    await athena.getWorkGroup({ WorkGroup: query.WorkGroup });
    await athena.createNamedQuery(query);
  }
  athena.destroy();
}
