/**
 * Traces: time and outcome of each invocation and of each page that was asked of the API.
 *
 * What they hold is written here, and nothing is captured: neither results nor requests, and no message of an error. The
 * capture of Powertools would write the messages of network errors, and send ids of traces to the API's host in a header.
 */
import type { AccountsApi } from '../export/ports.ts';
import { tracer } from './observability.ts';

type Parent = NonNullable<ReturnType<typeof tracer.getSegment>>;
type Subsegment = ReturnType<Parent['addNewSubsegment']>;

/** A subsegment for the work, to which what it does belongs; without a trace to belong to, just the work. */
export async function traced<T>(what: string, work: () => Promise<T>): Promise<T> {
  const parent = currentSegment();
  if (!parent) return work();
  const segment = parent.addNewSubsegment(what);
  tracer.setSegment(segment);
  try {
    return await work();
  } catch (error) {
    segment.addErrorFlag();
    throw error;
  } finally {
    segment.close();
    tracer.setSegment(parent);
  }
}

/** The API, with a subsegment for each page or probe: its place, how often it was asked for, and how it ended. */
export function tracedApi(api: AccountsApi): AccountsApi {
  return {
    ...api,
    async fetchPage(query, decode, signal, allowance) {
      // Not made the current one: several are in flight.
      const segment = currentSegment()?.addNewSubsegment('Account Export API');
      segment?.addAttribute('namespace', 'remote');
      annotate(segment, { page: query.page, pageSize: query.pageSize });
      try {
        const answer = await api.fetchPage(query, decode, signal, allowance);
        annotate(segment, { apiRequests: answer.apiRequests });
        return answer;
      } catch (error) {
        segment?.addErrorFlag();
        annotate(segment, { errorName: error instanceof Error ? error.name : 'Error' });
        throw error;
      } finally {
        segment?.close();
      }
    },
  };
}

function currentSegment(): Parent | undefined {
  return tracer.isTracingEnabled() ? tracer.getSegment() : undefined;
}

function annotate(segment: Subsegment | undefined, values: Readonly<Record<string, string | number>>): void {
  for (const [name, value] of Object.entries(values)) segment?.addAnnotation(name, value);
}
