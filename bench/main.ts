// `npm run bench`: measures the server that was built against the floors, bar by bar.
import { allCases } from "./cases/all-cases.js";
import { runProgram } from "./run/program.js";

await runProgram({
  name: "npm run bench --",
  description: "measures Palaver against the fastest thing that could carry the same bytes",
  cases: "bars",
  example: "P1 P2",
  all: allCases,
  quick: "a smoke test of under 3 minutes, no measurement",
  help: "What each number means: bench/README.md",
});
