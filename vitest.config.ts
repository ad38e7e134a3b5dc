import { defineConfig } from "vitest/config";
import { SummaryReporter } from "./test/kit/summary-reporter.js";

export default defineConfig({
  test: {
    include: ["{src,test,conformance,bench}/**/*.test.ts"],
    globalSetup: "test/kit/global-setup.ts",
    // Deadlines for what is broken, generous enough for a busy machine with two cores.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    // Files share the modules of their worker: loading them anew for each takes longer than most of the tests. They keep no state.
    isolate: false,
    // More than the cores: much of the time a test waits for servers.
    maxWorkers: 3,
    reporters: ["default", new SummaryReporter()],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: ["src/gen/**", "src/**/*.test.ts", "src/**/*.fixture.ts"],
      reporter: ["text", "html"],
    },
  },
});
