/** A state machine that runs the local workflow, with its executions as Step Functions describes them. */
import { localCatalog, runLocal } from '../../cli/local/run-local.ts';
import type { ObjectStore } from '../../functions/export/ports.ts';
import type { ExportSettings } from '../../functions/model/export-settings.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { DEFAULT_KEY, type Simulator } from '../../simulator/simulator.ts';
import { memoryStore } from './memory-store.ts';

export class StatesError extends Error {
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

export interface SmallExecution {
  readonly executionArn: string;
  readonly name: string;
  readonly input: string;
  readonly startDate: number;
  stopDate?: number;
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  output?: string;
  error?: string;
  cause?: string;
}

interface Working extends SmallExecution {
  readonly events: object[];
  readonly stop: AbortController;
  ended: Promise<void>;
  /** Its map runs, the newest last. */
  readonly mapRuns: { readonly total: number; readonly startDate: number; succeeded: number }[];
}

export interface StateMachineOptions {
  readonly simulator: Simulator;
  readonly stateMachineArn: string;
  readonly exports?: readonly ExportSettings[];
  readonly concurrency?: number;
  /** Runs an execution. @default the local workflow with a store in memory */
  readonly work?: Work | undefined;
}

/** What `Work` receives of an execution. */
export interface Task {
  readonly executionArn: string;
  readonly name: string;
  readonly request: unknown;
  readonly signal: AbortSignal;
  readonly onPlan: (plan: PlannedOutcome) => void;
  readonly onPage: () => void;
}

/** The output of *Plan export*, as far as the state machine reads it. */
export interface PlannedOutcome {
  readonly outcome?: string;
  readonly pages?: number;
}

/** Runs an execution and returns how it ended. */
export type Work = (task: Task) => Promise<Partial<SmallExecution>>;

const seconds = () => Date.now() / 1000;

export class SmallStateMachine {
  readonly #options: StateMachineOptions;
  /** All executions, newest first, as in `ListExecutions`. */
  readonly executions: Working[] = [];
  readonly storage = memoryStore();

  constructor(options: StateMachineOptions) {
    this.#options = options;
  }

  /** @throws StatesError as Step Functions does */
  answer(action: string, input: Readonly<Record<string, unknown>>): object {
    switch (action) {
      case 'StartExecution':
        return this.#start(String(input.name), String(input.input));
      case 'DescribeExecution': {
        const { events: _events, stop: _stop, ended: _ended, mapRuns: _mapRuns, ...execution } = this.#find(input);
        return { stateMachineArn: this.#options.stateMachineArn, ...execution };
      }
      case 'ListExecutions': {
        const from = Number(input.nextToken ?? 0);
        const to = from + Math.min(Number(input.maxResults ?? 100), PAGE);
        const executions = this.executions.slice(from, to).map(({ executionArn, name, status, startDate }) => {
          return { executionArn, name, status, startDate, stateMachineArn: this.#options.stateMachineArn };
        });
        return to < this.executions.length ? { executions, nextToken: String(to) } : { executions };
      }
      case 'GetExecutionHistory':
        return { events: this.#find(input).events.slice(0, Number(input.maxResults ?? 100)) };
      case 'ListMapRuns': {
        const { mapRuns, executionArn, name } = this.#find(input);
        const arn = executionArn.replace(':execution:', ':mapRun:').replace(/:[^:]+$/, '/Pages:');
        return {
          mapRuns: mapRuns.map(({ startDate }, i) => ({ executionArn, mapRunArn: `${arn}${name}/${i}`, startDate })),
        };
      }
      case 'DescribeMapRun': {
        const [name, i] = String(input.mapRunArn).split(':').at(-1)?.split('/') ?? [];
        const mapRun = this.executions.find((execution) => execution.name === name)?.mapRuns[Number(i)];
        if (!mapRun) throw new StatesError('ResourceNotFound', 'no such map run');
        const { total, succeeded, startDate } = mapRun;
        return { mapRunArn: input.mapRunArn, startDate, itemCounts: { total, succeeded, pending: total - succeeded } };
      }
      case 'StopExecution': {
        const execution = this.#find(input);
        Object.assign(execution, { error: input.error, cause: input.cause });
        execution.stop.abort(new Error('stopped'));
        return { stopDate: seconds() };
      }
      default:
        throw new StatesError('UnknownOperationException', action);
    }
  }

  /** Adds an execution from the past. */
  add(execution: Omit<SmallExecution, 'executionArn'>): void {
    const executionArn = this.arnOf(execution.name);
    const stop = new AbortController();
    this.executions.unshift({ ...execution, executionArn, events: [], mapRuns: [], stop, ended: Promise.resolve() });
  }

  arnOf(name: string): string {
    return `${this.#options.stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  }

  async stopAll(): Promise<void> {
    for (const { stop } of this.executions) stop.abort(new Error('stopped'));
    await Promise.all(this.executions.map(({ ended }) => ended));
  }

  #find({ executionArn }: Readonly<Record<string, unknown>>): Working {
    const found = this.executions.find((execution) => execution.executionArn === executionArn);
    if (!found) throw new StatesError('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
    return found;
  }

  #start(name: string, input: string): object {
    const there = this.executions.find((execution) => execution.name === name);
    if (there) {
      if (there.status !== 'RUNNING' || there.input !== input)
        throw new StatesError('ExecutionAlreadyExists', `Execution Already Exists: '${there.executionArn}'`);
      return { executionArn: there.executionArn, startDate: there.startDate };
    }
    const execution: Working = {
      executionArn: this.arnOf(name),
      name,
      input,
      startDate: seconds(),
      status: 'RUNNING',
      events: [
        { id: 1, type: 'ExecutionStarted', timestamp: seconds(), executionStartedEventDetails: { input } },
        { id: 2, type: 'TaskStateEntered', timestamp: seconds(), stateEnteredEventDetails: { name: 'Plan export' } },
      ],
      mapRuns: [],
      stop: new AbortController(),
      ended: Promise.resolve(),
    };
    this.executions.unshift(execution);
    execution.ended = this.#run(execution).then(
      (end) => {
        Object.assign(execution, end, { stopDate: seconds() });
      },
      (error: Error) => {
        const stopped = execution.stop.signal.aborted;
        Object.assign(execution, { status: stopped ? 'ABORTED' : 'FAILED', stopDate: seconds() });
        if (!stopped) Object.assign(execution, { error: error.name, cause: error.message });
      },
    );
    return { executionArn: execution.executionArn, startDate: execution.startDate };
  }

  #run(execution: Working): Promise<Partial<SmallExecution>> {
    const { work = onThisMachine(this.#options, this.storage.store) } = this.#options;
    return work({
      executionArn: execution.executionArn,
      name: execution.name,
      request: JSON.parse(execution.input),
      signal: execution.stop.signal,
      onPlan: (plan) => {
        const output = JSON.stringify(plan);
        execution.events.push(
          {
            id: 3,
            type: 'LambdaFunctionSucceeded',
            timestamp: seconds(),
            lambdaFunctionSucceededEventDetails: { output },
          },
          {
            id: 4,
            type: 'TaskStateExited',
            timestamp: seconds(),
            stateExitedEventDetails: { name: 'Plan export', output },
          },
        );
        if (plan.outcome === 'exportPages')
          execution.mapRuns.push({ total: plan.pages ?? 0, startDate: seconds(), succeeded: 0 });
      },
      onPage: () => {
        const pages = execution.mapRuns.at(-1);
        if (pages) pages.succeeded++;
      },
    });
  }
}

function onThisMachine({ simulator, exports = [], concurrency = 4 }: StateMachineOptions, store: ObjectStore): Work {
  return async ({ name, request, signal, onPlan, onPage }) => {
    const credentials = { get: async () => ({ keyId: DEFAULT_KEY.keyId, secret: DEFAULT_KEY.keySecret }) };
    const api = createAccountsApi({ baseUrl: simulator.url, credentials, concurrency });
    try {
      const outcome = await runLocal({
        api,
        store,
        catalog: localCatalog(),
        clock: { now: Date.now },
        runId: name,
        request,
        exports,
        concurrency,
        retryIntervalMs: 1,
        signal,
        onPlan: (plan) => onPlan(plan),
        onPage,
      });
      switch (outcome.outcome) {
        case 'published':
          return { status: 'SUCCEEDED', output: JSON.stringify(outcome.result) };
        case 'dryRun':
          return { status: 'SUCCEEDED', output: JSON.stringify(outcome.plan) };
        case 'skipped':
          return { status: 'SUCCEEDED', output: JSON.stringify(outcome.skipped) };
        case 'failed':
          return { status: 'FAILED', error: outcome.failure.error, cause: outcome.failure.cause };
      }
    } finally {
      await api.close();
    }
  };
}

/** Executions per page of `ListExecutions`: fewer than requested, as the service may return. */
const PAGE = 3;
