import fc from 'fast-check';

// The same examples for every mutant, or a score would differ from run to run; and a mutant that is found need not be
// found by its smallest example.
fc.configureGlobal({ seed: 20_260_822, endOnFailure: true });
