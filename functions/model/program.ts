/** How people call the command line, for messages that name a command. */

const IN_A_CLONE = 'npm run --silent account-export --';
const FROM_THE_PACKAGE = 'npx account-export';

/** As in this copy of the code. A function has the same bundle in both, so its stack tells it (`PROGRAM_VARIABLE`). */
export const PROGRAM = import.meta.url.endsWith('.ts') ? IN_A_CLONE : FROM_THE_PACKAGE;
