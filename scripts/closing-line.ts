import type { Reporter, TestModule } from "vitest/node"

/** Ends a run with one plain line that people and machines read alike: `tests: N passed, N failed, N skipped`. */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const module of modules) {
      // A module that could not be collected has no tests to count, and still is a failure.
      if (module.errors().length > 0) count.failed += 1
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === "passed" || state === "failed" || state === "skipped") count[state] += 1
        else count.failed += 1
      }
    }
    console.log(`tests: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
  }
}
