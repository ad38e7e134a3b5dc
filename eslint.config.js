// What the type-aware rules hold: promises are awaited, conditions can be false, switches are complete. And two rules of
// the house: real time and chance stand in src/platform (and src/client/runtime.ts) only, and nothing has a default export.
import tseslint from "typescript-eslint";

const useClock = "Take a Clock (src/platform): tests move time by hand.";
const useBound = "Wait for an event with a bound: waitFor, arrange, fence. Chance comes from the seed.";
const useRandom = "Take a Random (src/platform): tests repeat a run.";
/** The client runs in browsers too, where src/platform does not: it has a clock of its own. */
const clientRuntime = "src/client/runtime.ts";
const timers = ["setTimeout", "setInterval", "setImmediate"];
const timerModules = ["node:timers", "timers", "node:timers/promises", "timers/promises"];
const hooks = ["node:perf_hooks", "perf_hooks"];

const timeAndChance = [
  { object: "Date", property: "now", message: useClock },
  { object: "performance", property: "now", message: useClock },
  { object: "AbortSignal", property: "timeout", message: useClock },
  { object: "Math", property: "random", message: useRandom },
];
const uuids = [{ object: "crypto", property: "randomUUID", message: useRandom }];

const timerImports = [
  ...timerModules.map((name) => ({ name, message: useClock })),
  ...hooks.map((name) => ({ name, importNames: ["performance"], message: useClock })),
];
const uuidImports = ["node:crypto", "crypto"].map((name) => ({
  name,
  importNames: ["randomUUID"],
  message: useRandom,
}));

const dateWithoutArguments = {
  selector: "NewExpression[callee.name='Date'][arguments.length=0]",
  message: useClock,
};
const defaultExports = [
  { selector: "ExportDefaultDeclaration", message: "Export by name." },
  { selector: "ExportSpecifier[exported.name='default']", message: "Export by name." },
];

// What eslint itself recommends, as far as neither the compiler nor typescript-eslint reports it.
const core = Object.fromEntries(
  [
    "eqeqeq",
    "no-async-promise-executor",
    "no-case-declarations",
    "no-cond-assign",
    "no-constant-binary-expression",
    "no-debugger",
    "no-empty",
    "no-empty-pattern",
    "no-irregular-whitespace",
    "no-loss-of-precision",
    "no-misleading-character-class",
    "no-prototype-builtins",
    "no-self-assign",
    "no-sparse-arrays",
    "no-unsafe-finally",
    "no-unsafe-optional-chaining",
    "no-useless-catch",
    "no-useless-escape",
  ].map((rule) => [rule, "error"]),
);

const tests = ["**/*.test.ts", "**/*.fixture.ts", "test/**/*.ts"];

export default tseslint.config(
  { ignores: ["src/gen/", "dist/", "coverage/", ".cache/", ".palaver/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },

  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...core,
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      // `for (;;)` and `while (true)` are how an owned loop reads.
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      // `() => clearTimeout(handle)` and `if (aborted) return reject(reason)` are clear enough.
      "@typescript-eslint/no-confusing-void-expression": "off",
      // `[...text]` is how to count and cut by code points.
      "@typescript-eslint/no-misused-spread": ["error", { allow: ["string"] }],
      // `_` says: part of the shape, not used.
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      // An implementation of an asynchronous interface may have nothing to wait for.
      "@typescript-eslint/require-await": "off",
    },
  },

  {
    // Tests look into JSON from the wire and use expect.any(), which is typed any: a wrong guess fails the test.
    files: tests,
    rules: {
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
    },
  },

  {
    files: ["{src,test}/**/*.ts"],
    ignores: ["src/platform/**", clientRuntime, "test/kit/**"],
    rules: {
      "no-restricted-globals": ["error", ...timers.map((name) => ({ name, message: useClock }))],
      "no-restricted-properties": [
        "error",
        ...timeAndChance,
        ...timers.map((property) => ({ object: "globalThis", property, message: useClock })),
      ],
      "no-restricted-imports": ["error", { paths: timerImports }],
      "no-restricted-syntax": ["error", ...defaultExports, dateWithoutArguments],
    },
  },
  {
    // The product takes its ids from Random too; in tests an id may be any id.
    files: ["src/**/*.ts"],
    ignores: ["src/platform/**", clientRuntime, ...tests],
    rules: {
      "no-restricted-properties": [
        "error",
        ...timeAndChance,
        ...uuids,
        ...timers.map((property) => ({ object: "globalThis", property, message: useClock })),
      ],
      "no-restricted-imports": ["error", { paths: [...timerImports, ...uuidImports] }],
    },
  },
  {
    // These touch real time: the platform, what tests wait with, and what measures or judges from outside.
    files: ["{src/platform,test/kit,conformance,bench}/**/*.ts", clientRuntime],
    rules: { "no-restricted-syntax": ["error", ...defaultExports] },
  },
  {
    // A case never sleeps: it waits for an event with a bound, and a fence closes what must not come.
    files: ["conformance/{suite,cases}/**/*.ts"],
    ignores: ["conformance/suite/time.ts"],
    rules: {
      "no-restricted-globals": ["error", ...timers.map((name) => ({ name, message: useBound }))],
      "no-restricted-properties": [
        "error",
        ...timeAndChance.map((property) => ({ ...property, message: useBound })),
        ...timers.map((property) => ({ object: "globalThis", property, message: useBound })),
      ],
      "no-restricted-imports": [
        "error",
        { paths: timerImports.map((each) => ({ ...each, message: useBound })) },
      ],
      "no-restricted-syntax": ["error", ...defaultExports, { ...dateWithoutArguments, message: useBound }],
    },
  },
  {
    files: ["**/*.{js,cjs}"],
    extends: [tseslint.configs.recommended],
    rules: core,
  },
  {
    files: ["**/*.cjs"],
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
);
