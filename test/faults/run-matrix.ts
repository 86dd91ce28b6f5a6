/** All cases of the matrix, tried one after the other. */
import { apiCases } from './api-cases.ts';
import { budgetCases } from './budget-cases.ts';
import { catalogueCases } from './catalog-cases.ts';
import { type Case, type Result, tryCase } from './cells.ts';
import { damageCases } from './damage-cases.ts';
import { killedCases } from './killed-cases.ts';
import { invocationCases, timeoutCases } from './lambda-cases.ts';
import { BEGINNING_AGAIN, failingRun, GROWING_RUN, RELEASED_RUN, steadyRun } from './scenarios.ts';
import { sourceCases } from './source-cases.ts';
import { storeCases } from './store-cases.ts';
import { startSource } from './world.ts';

/** @param every all cases; else those that differ most, in well under a minute */
export async function runMatrix(
  every: boolean,
  onResult: (result: Result) => void = () => undefined,
): Promise<Result[]> {
  const source = await startSource();
  const killed = await killedCases(source, every);
  try {
    const groups: readonly (() => readonly Case[] | Promise<readonly Case[]>)[] = [
      () => apiCases(source, every),
      () => storeCases(steadyRun(source), every),
      () => storeCases(failingRun(source), every),
      ...(every ? [GROWING_RUN, BEGINNING_AGAIN, RELEASED_RUN].map((run) => () => storeCases(run, every)) : []),
      () => killed.cases,
      () => catalogueCases(source, every),
      () => timeoutCases(every),
      () => invocationCases(source),
      () => sourceCases(),
      () => damageCases(source),
      () => budgetCases(source, every),
    ];
    const results: Result[] = [];
    for (const group of groups) {
      for (const one of await group()) {
        const result = await tryCase(one);
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
