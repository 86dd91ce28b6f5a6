/** What the flags of `simulate` can choose from. The help text names it, and must not load the simulator for that. */

/** Shapes of `attributes` that Salesforce documents; `mixed` alternates between them. */
export const ATTRIBUTE_SHAPES = ['flat', 'array', 'objects', 'mixed'] as const;
export type AttributeShape = (typeof ATTRIBUTE_SHAPES)[number];

/** The share of accounts in each segment. */
export const DEFAULT_SEGMENTS = {
  'Tier 1 & 2/EMEA': 0.1,
  'Tier 1 & 2/EMEA + ü%': 0.25,
  everyone: 1,
  nobody: 0,
} as const;
