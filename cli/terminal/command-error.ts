/** Why a command failed, in one sentence; exit code 1. An `ExportError` is what a run fails with. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  /** Whether the same call may succeed later. */
  readonly transient: boolean;

  constructor(message: string, { transient = false, ...options }: ErrorOptions & { transient?: boolean } = {}) {
    super(message, options);
    this.transient = transient;
  }
}
