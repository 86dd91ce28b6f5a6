/** Until the plan has `outcome` and `estimate`: its output under the names that the command line reads. Delete this file then. */
export function renamedOutput(output: unknown): unknown {
  const { status, expected, dryRun, skipped, release, ...rest } = output as Record<string, unknown>;
  if (rest.outcome !== undefined || (dryRun === undefined && skipped === undefined)) return output;
  if (skipped) return { outcome: 'skipped', ...rest };
  if (dryRun) return { outcome: 'dryRun', ...rest, estimate: expected };
  return { outcome: release ? 'publishOnly' : 'exportPages', ...rest };
}
