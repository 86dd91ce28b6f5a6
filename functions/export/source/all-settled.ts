/**
 * The values of all promises, or the first failure once every one has settled: a request that is still in flight when
 * another fails is usage, too, and must be counted.
 */
export async function allSettled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
