/** A part that cannot be read. */
export class PartError extends Error {
  override readonly name = 'PartError';
  readonly path: string;

  /** @param path absolute */
  constructor(path: string) {
    super('A part cannot be read.');
    this.path = path;
  }
}
