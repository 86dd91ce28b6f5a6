/** Saved queries, made by Athena's API as CloudFormation would make them: the emulator's CloudFormation lacks the type. */
import { Athena, type CreateNamedQueryInput } from '@aws-sdk/client-athena';
import type { Emulator } from './emulator.ts';
import type { Template } from './template-changes.ts';

/** Of a template as it was synthesized. */
export function namedQueriesOf({ Resources }: Template): CreateNamedQueryInput[] {
  return Object.values(Resources).flatMap(({ Type, Properties = {} }) => {
    if (Type !== 'AWS::Athena::NamedQuery') return [];
    const { Name, Description, Database, QueryString, WorkGroup } = Properties;
    const input = { Name, Description, Database, QueryString, WorkGroup };
    for (const [key, value] of Object.entries(input)) {
      if (typeof value !== 'string')
        throw new Error(`${key} of a saved query is ${JSON.stringify(value)}, not a text.`);
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
    // Athena asks whether there is such a workgroup; the emulator does not.
    await athena.getWorkGroup({ WorkGroup: query.WorkGroup });
    await athena.createNamedQuery(query);
  }
  athena.destroy();
}
