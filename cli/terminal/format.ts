export { bytes, count, counted, duration, money } from '../../functions/model/readable.ts';
