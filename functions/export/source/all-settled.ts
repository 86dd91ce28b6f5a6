/**
 * The values of all, or the first failure, when every one of them has ended: a request that is still under way when others
 * have failed is spent too, and must be counted.
 */
export async function allSettled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
