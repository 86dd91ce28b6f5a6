/** What the npm package exports: the construct and its props. */
export { AccountExport, type AccountExportProps, type ExistingResources } from './account-export.ts';
export type { AccountExportSettings } from './stack-config.ts';
