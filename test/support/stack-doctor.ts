/** `doctor --stack` of the deployment of a test. */
import { expect } from 'vitest';
import { commandLine } from './command-line.ts';
import { type DeploymentOptions, smallDeployment } from './small-deployment.ts';

/** Runs the command. It prints at most 80 columns, and nothing on stderr. */
export async function doctor(...flags: string[]) {
  const { code, stdout, stderr } = await commandLine(['doctor', '--stack', ...flags]);
  expect(stderr).toBe('');
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  return { code, text: stdout };
}

/** The lines that are not ok, and the exit code. */
export async function problemsOf(options: DeploymentOptions, ...flags: string[]) {
  await smallDeployment(options);
  const { code, text } = await doctor(...flags);
  const lines = text.split('\n').slice(0, -3);
  const kept = lines.filter(
    (_line, i) =>
      !lines
        .slice(0, i + 1)
        .findLast((one) => /^\w/.test(one))
        ?.startsWith('ok'),
  );
  return { code, lines: kept };
}

/** Without line breaks and columns. */
export const squeezed = (text: string | readonly string[]) => [text].flat().join(' ').replaceAll(/\s+/g, ' ');

export const refused = (call: string, type: string, message = 'hidden') => ({
  refuse: (made: string) => (made.startsWith(call) ? { status: 400, type, message } : undefined),
});
