import { expect, it } from 'vitest';
import { terminalOf } from '../../cli/command-line.ts';
import { COMMANDS } from '../../cli/command-list.ts';

const terminal = terminalOf({ stdout: { write: () => undefined }, stderr: { write: () => undefined }, env: {} });

it.each(COMMANDS.map((command) => [command.usage, command] as const))('lists %s as it is', async (usage, { load }) => {
  const command = await load(terminal, async () => 1);
  const parameters = command.registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`));
  expect([...usage.split(' ').slice(1)]).toEqual(parameters);
  expect(command.options.length).toBeGreaterThan(0);
  // The list has it, because its text is needed without the command.
  expect(command.description()).toBe('');
});
