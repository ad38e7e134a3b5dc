// The direction of imports (docs/architecture.md, "Rooms"). A room is a folder of src/.

// From the bottom up: a room may import the rooms of lower layers, never one of its own layer or of a higher one.
const layers = [
  ["gen"],
  ["protocol"],
  ["store"],
  ["chat", "bus"],
  ["stream", "models", "tools"],
  ["relay", "agent", "fanout"],
  ["server", "worker"],
  ["replica"],
  ["cli"],
];

// What the layers do not say. `platform` is under all of them: anyone may import it, and it imports no room.
const mayImport = {
  platform: [],
  // The environment's schema knows the words, and only who starts a replica knows it.
  config: ["protocol", "gen"],
  // The program's own version: likewise.
  version: [],
  replica: ["config", "version", ...below("replica")],
  cli: ["config", "version", "client", ...below("cli")],
  // A client that drags the server in is wrong.
  client: ["gen"],
};
for (const room of layers.flat()) mayImport[room] ??= below(room);

function below(room) {
  return layers
    .slice(
      0,
      layers.findIndex((layer) => layer.includes(room)),
    )
    .flat();
}

/** Patterns for the files of rooms; a room may be a single file, as `replica` is. */
function files(...rooms) {
  return rooms.map((room) => `^src/${room}(/|[.]ts$|[.]test[.]ts$)`);
}

const test = "[.](test|fixture)[.]ts$";

module.exports = {
  forbidden: [
    // Imports point downwards only: one rule per room.
    ...Object.entries(mayImport).map(([room, others]) => ({
      name: `rooms-of-${room}`,
      comment: `${room} may import ${["platform", ...others].join(", ")}`,
      severity: "error",
      from: { path: files(room) },
      to: { path: "^src/", pathNot: files(room, "platform", ...others) },
    })),
    {
      name: "known-room",
      comment: "Every folder and file of src/ has its place in the layers above.",
      severity: "error",
      from: { path: "^src/", pathNot: files(...Object.keys(mayImport)) },
      to: {},
    },
    {
      name: "through-the-door",
      comment: "What a room's index.ts does not export is private to the room. Generated code has no door.",
      severity: "error",
      from: { path: "^src/([^/]+)/" },
      to: { path: "^src/[^/]+/", pathNot: ["^src/$1/", "^src/gen/", "^src/[^/]+/index[.]ts$"] },
    },
    {
      name: "through-the-door-from-outside",
      comment: "The composition root, the conformance suite and benchmarks use the doors too.",
      severity: "error",
      from: { path: "^(src/[^/]+[.]ts$|conformance/|bench/|examples/)" },
      to: { path: "^src/[^/]+/", pathNot: ["^src/gen/", "^src/[^/]+/index[.]ts$"] },
    },
    {
      name: "through-the-door-from-tests",
      comment: "So do tests; a folder of test/ that is named for a room belongs to that room.",
      severity: "error",
      from: { path: "^test/([^/]+)" },
      to: { path: "^src/[^/]+/", pathNot: ["^src/$1/", "^src/gen/", "^src/[^/]+/index[.]ts$"] },
    },
    {
      name: "independent-judge",
      comment:
        "The conformance suite shares no code with what it judges; only its mutants compose the reference.",
      severity: "error",
      from: { path: "^conformance/" },
      to: { path: "^(src|test|bench)/", pathNot: ["^src/gen/", "^src/replica[.]ts$"] },
    },
    {
      name: "product-without-tests",
      comment: "What is shipped imports nothing from outside src/, and no test or fixture.",
      severity: "error",
      from: { path: "^src/", pathNot: test },
      to: { path: ["^(test|conformance|bench|scripts)/", test] },
    },
    {
      name: "client-for-browsers",
      comment: "The client runs in browsers: nothing of Node, and no room that uses it.",
      severity: "error",
      from: { path: "^src/client/", pathNot: test },
      to: { path: "^src/", pathNot: "^src/(client|gen)/" },
    },
    {
      name: "client-without-node",
      comment: "Likewise: of packages only those that run everywhere, of Node's modules none.",
      severity: "error",
      from: { path: "^src/client/", pathNot: test },
      to: { pathNot: ["^src/", "^node_modules/(@bufbuild/protobuf|@connectrpc/connect)/"] },
    },
    {
      name: "product-without-dev-packages",
      comment: "What is shipped imports only what is installed with it.",
      severity: "error",
      from: { path: "^src/", pathNot: test },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "no-cycles",
      comment: "Two modules that need each other are one, or hide a third.",
      severity: "error",
      from: { pathNot: "^src/gen/" },
      to: { circular: true },
    },
    {
      name: "resolvable",
      comment:
        "An import that is not found would be checked by no rule. The packages of the peers need not be there.",
      severity: "error",
      from: { pathNot: "^bench/peers/[^/]+/[^/]+[.]mjs$" },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // Types count: a type that points upwards is a dependency too.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"] },
  },
};
