/** The package: `import { AccountExport } from 'account-export'`. */
export { AccountExport, type AccountExportProps, type ExistingResources } from './account-export.ts';
export type { AccountExportSettings } from './stack-config.ts';
