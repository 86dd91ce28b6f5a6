import fc from 'fast-check';

// A fixed seed gives every mutant the same examples, so that scores can be compared. A failing example need not be
// the smallest one.
fc.configureGlobal({ seed: 20_260_822, endOnFailure: true });
