import { describe, expect, it } from 'vitest';
import { speedFindings } from '../../bench/peers/findings.ts';
import type { Speed } from '../../bench/peers/speed.ts';

describe('the findings about concurrency', () => {
  const OWN = [speed('Account Export', 2.5, 2.2, 181), speed('Account Export, `--concurrency 1`', 8.6, 2.3, 157)];

  it('compare concurrent with sequential pages, and sequential pages with other tools', () => {
    const found = speedFindings([...OWN, speed('dlt', 9.8, 4.7, 101), speed('Singer', 10.2, 8.4, 101)]);
    expect(found).toContain(
      'At 50 ms, concurrency saves 6.1 s: Account Export takes 2.5 s, with `--concurrency 1` 8.6 s.',
    );
    expect(found).toContain(
      'Without concurrency, Account Export (157 requests, 2.3 s of CPU) takes 1.2 s less than dlt (101, 4.7 s) and 1.6 s less than Singer (101, 8.4 s).',
    );
  });

  it('say when another tool is faster than sequential pages', () => {
    expect(speedFindings([...OWN, speed('dlt', 6.4, 1, 101)])).toContain(
      'Without concurrency, Account Export (157 requests, 2.3 s of CPU) takes 2.2 s more than dlt (101, 1.0 s).',
    );
  });

  it('are left out when sequential pages were not measured', () => {
    expect(speedFindings([speed('Account Export', 2.5, 2.2, 181)]).join('\n')).not.toContain('concurrency');
  });
});

function speed(tool: string, wallSeconds: number, cpuSeconds: number, requests: number): Speed {
  const spread = (value: number) => ({ median: value, min: value, max: value });
  return {
    tool,
    latencyMs: 50,
    rounds: 1,
    wallSeconds: spread(wallSeconds),
    cpuSeconds: spread(cpuSeconds),
    peakMegabytes: spread(100),
    requests,
    recordsServed: 100_000,
    maxInFlight: 1,
    deliveredMegabytes: 5,
    simulatorCpuSeconds: 1,
    complete: true,
  };
}
