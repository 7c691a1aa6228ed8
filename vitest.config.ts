import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { ClosingLine } from "./scripts/closing-line.ts"
import projects from "./vitest.workspace.ts"

const setup = ["loopback-only", "patience"].map(name =>
  fileURLToPath(new URL(`./test/support/${name}.ts`, import.meta.url)),
)

export default defineConfig({
  // Tests run from the packages' sources: no build is needed first.
  ssr: { resolve: { conditions: ["@ophyd-ts/source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: setup,
    reporters: ["default", new ClosingLine()],
    testTimeout: 20_000,
    // As of vi.waitFor, in test/support/patience.ts.
    expect: { poll: { timeout: 10_000 } },
    // Most tests wait for something: leaving one processor free, as is the default, would leave half of a small machine idle.
    maxWorkers: Math.max(2, availableParallelism()),
    coverage: { include: ["packages/*/src/**", "ioc-sim/src/**"] },
    projects,
  },
})
