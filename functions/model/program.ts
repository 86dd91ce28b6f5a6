/** How people call the command line, for messages that name a command. */

const IN_A_CLONE = 'npm run --silent account-export --';
/** How an app that uses the package calls it. */
export const FROM_THE_PACKAGE = 'npx account-export';

/** Whether this copy of the code is a clone. A function has the same bundle in both, so the stack sets it (`PROGRAM_VARIABLE`). */
const inClone = import.meta.url.endsWith('.ts');

/** The start of every command. */
export const PROGRAM = inClone ? IN_A_CLONE : FROM_THE_PACKAGE;

/** The command that deploys the stack. @param flags of `cdk deploy` */
export function deployCommand(...flags: readonly string[]): string {
  const [program, ...more] = inClone ? ['npm run deploy', '--'] : ['npx cdk deploy'];
  return [program, ...(flags.length > 0 ? [...more, ...flags] : [])].join(' ');
}
