/**
 * What keeps a command from its work and is no misuse of it: one sentence, exit code 1.
 *
 * Not an `ExportError`: those are what a run ends with, and their names belong to the workflow.
 */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  /** Whether the same call may well succeed in a while. */
  readonly transient: boolean;

  constructor(message: string, { transient = false, ...options }: ErrorOptions & { transient?: boolean } = {}) {
    super(message, options);
    this.transient = transient;
  }
}
