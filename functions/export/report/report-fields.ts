/** Section of the run report: how many accounts have each field, now and in the last published run. */
import { count, counted } from '../../model/readable.ts';
import { shareBar } from './charts.ts';
import type { ComparedField, FieldNote } from './coverage.ts';
import { type Html, html } from './html.ts';
import { percent, signed } from './numbers.ts';
import type { RunReport } from './run-report.ts';

/** Rows that are always shown, and at most: a tenant may send a field for each account. */
const SHOWN = 25;
const MAX_ROWS = 500;
/** A name from outside may be of any length. */
const MAX_NAME = 120;

const NOTES: Readonly<Record<FieldNote, readonly [tone: string, text: string]>> = {
  vanished: ['bad', 'vanished'],
  new: ['ok', 'new'],
  gone: ['muted', 'gone'],
  'no column': ['warn', 'no column'],
  'kept as sent': ['warn', 'kept as sent'],
};

export function fieldsSection(report: RunReport): Html {
  const { fields, now, before } = report.coverage;
  if (fields.length === 0) {
    return html`<section aria-labelledby="fields"><h2 id="fields">Fields</h2><p>The fields of this run were not counted.</p></section>`;
  }
  const rows = fields.slice(0, MAX_ROWS);
  const more = fields.length - rows.length;
  const used = new Set(rows.flatMap(({ notes }) => notes));
  return html`<section aria-labelledby="fields"><h2 id="fields">Fields</h2>
<p class="small muted">${counted(fields.length, 'field')}. ${now > 0 ? 'How many accounts have a value in each.' : 'The fields of this run were not counted; these have no column in the table.'}${now > 0 && before === 0 ? ' There is no run to compare with.' : ''}</p>
${table(rows.slice(0, SHOWN), report)}
${rows.length > SHOWN && html`<details><summary>${count(rows.length - SHOWN)} more</summary>${table(rows.slice(SHOWN), report)}</details>`}
${more > 0 && html`<p class="small muted">And ${count(more)} more: the manifest names all of them.</p>`}
${used.has('no column') && html`<p class="small muted"><strong>no column</strong>: the table has no column for the field; the parts contain it.${report.run.format === 'csv' ? ' To query it, append it to attributeColumns.' : ''}</p>`}
${used.has('kept as sent') && html`<p class="small muted"><strong>kept as sent</strong>: a value that its column cannot hold is also kept under this name.</p>`}
${used.has('vanished') && html`<p class="small muted"><strong>vanished</strong>: at least 1% of the accounts had the field in the last published run, and none has it now.</p>`}
${used.has('gone') && html`<p class="small muted"><strong>gone</strong>: under 1% of the accounts had the field in the last published run, and none has it now.</p>`}
</section>`;
}

function table(rows: readonly ComparedField[], { coverage: { now, before } }: RunReport): Html {
  return html`<table class="fields"><thead><tr><th scope="col">field</th>${now > 0 && html`<th scope="col" class="share"><span class="muted">share</span></th><th scope="col" class="n">accounts</th><th scope="col" class="n">%</th>`}${before > 0 && html`<th scope="col" class="n">since the last published run</th>`}<th scope="col"></th></tr></thead><tbody>
${rows.map((row) => {
  const present = row.now ?? 0;
  return html`<tr><th scope="row">${shorten(row.name)}</th>${now > 0 && html`<td class="share">${shareBar(Math.min(1, present / now))}</td><td class="n">${count(present)}</td><td class="n">${percent(present, now)}</td>`}${before > 0 && html`<td class="n">${signed(present - (row.before ?? 0))}</td>`}<td>${row.notes.map((note) => html`<span class="tag ${NOTES[note][0]}">${NOTES[note][1]}</span>`)}</td></tr>
`;
})}</tbody></table>`;
}

function shorten(name: string): string {
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME)}…`;
}
