/**
 * Creates a value at its first use and keeps it: one set of clients per container. At import, an invalid environment would not
 * be reported as `ConfigError`.
 */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
