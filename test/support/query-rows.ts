import { folderQueries } from '../../cli/query/query-folder.ts';

/** All rows of a query over a folder, without the command line. @throws what the query throws */
export async function queryRows(folder: string, sql: string): Promise<(readonly unknown[])[]> {
  const rows: (readonly unknown[])[] = [];
  await folderQueries(folder)(
    sql,
    async ({ chunks }) => {
      for await (const chunk of chunks) rows.push(...chunk);
    },
    new AbortController().signal,
  );
  return rows;
}
