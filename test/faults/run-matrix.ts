/** All cases of the matrix, one after the other. */
import { apiCases } from './api-cases.ts';
import { budgetCases } from './budget-cases.ts';
import { catalogCases } from './catalog-cases.ts';
import { type Case, type Result, runCase } from './cells.ts';
import { damageCases } from './damage-cases.ts';
import { driftCases } from './drift-cases.ts';
import { killedCases } from './killed-cases.ts';
import { invocationCases, timeoutCases } from './lambda-cases.ts';
import { publishedCases, quarantinedCases, runningCases } from './restart-cases.ts';
import { consistentRun, failingRun, MORE_SCENARIOS } from './scenarios.ts';
import { storeCases } from './store-cases.ts';
import { startSource } from './world.ts';

/** @param every all cases; otherwise the most different ones, in about a minute */
export async function runMatrix(
  every: boolean,
  onResult: (result: Result) => void = () => undefined,
): Promise<Result[]> {
  const source = await startSource();
  const killed = await killedCases(source, every);
  try {
    const groups: readonly (() => readonly Case[] | Promise<readonly Case[]>)[] = [
      () => apiCases(source, every),
      () => storeCases(consistentRun(source), every),
      () => storeCases(failingRun(source), every),
      ...(every ? MORE_SCENARIOS : []).map((scenario) => () => storeCases(scenario, every)),
      () => killed.cases,
      () => catalogCases(source, every),
      () => timeoutCases(every),
      () => invocationCases(source),
      () => budgetCases(source, every),
      () => damageCases(source),
      () => driftCases(),
      () => runningCases(source),
      () => publishedCases(source, every),
      () => quarantinedCases(every),
    ];
    const results: Result[] = [];
    for (const group of groups) {
      for (const one of await group()) {
        const result = await runCase(one);
        results.push(result);
        onResult(result);
      }
    }
    return results;
  } finally {
    await killed.close();
    await source.close();
  }
}
