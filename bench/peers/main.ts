// `npm run bench:peers`: measures the server that was built beside what else somebody might take.
import { runProgram } from "../run/program.js";
import { allPeers } from "./all-peers.js";

await runProgram({
  name: "npm run bench:peers --",
  description: "measures Palaver beside other programs, which are installed for that",
  cases: "peers",
  example: "durable-streams",
  all: allPeers,
  quick: "a smoke test, no measurement",
  help: "What each of them is, and how fair it is: bench/peers/README.md",
});
