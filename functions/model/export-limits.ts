/** Limits and defaults of the settings. The help texts name them, and must not load the schemas for that. */

/** A larger page does not fit into the memory of its Lambda. */
export const MAX_PAGE_SIZE = 50_000;
export const DEFAULT_PAGE_SIZE = 1000;

/** A drop by half overnight is rare enough for a person to look. */
export const DEFAULT_MAX_DROP_PERCENT = 50;
