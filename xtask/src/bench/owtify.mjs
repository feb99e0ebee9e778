// Prints the microseconds that `owtify` takes for 10 KB of code, one number a round.
// Run by: cargo xtask bench owtify

const [module, rounds] = process.argv.slice(2);
const { owtify } = await import(module);

const SOURCE = '# some code\n'.repeat(850);
const CALLS = 2_000;

function micros() {
  const begun = performance.now();
  for (let n = 0; n < CALLS; n++) owtify('http://localhost:9876', SOURCE, { n });
  return ((performance.now() - begun) / CALLS) * 1000;
}

micros(); // Until this, V8 compiles.
for (let round = 0; round < Number(rounds); round++) console.log(micros());
