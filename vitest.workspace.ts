import type { TestProjectConfiguration } from "vitest/config"

const project = (name: string, root: string): TestProjectConfiguration => ({
  extends: true,
  test: { name, root },
})

/** One line per package. vitest 4 does not read this file by itself: vitest.config.ts imports it. */
const projects: TestProjectConfiguration[] = [
  project("core", "./packages/core"),
  project("epics-net", "./packages/epics-net"),
  project("node-epics-ca", "./packages/node-epics-ca"),
  project("pvxs-node", "./packages/pvxs-node"),
  project("epics", "./packages/epics"),
  project("run-engine", "./packages/run-engine"),
  project("area-detector", "./packages/area-detector"),
  project("aps-dm", "./packages/aps-dm"),
  project("exchange", "./packages/exchange"),
  project("ioc-sim", "./ioc-sim"),
  project("device-package", "./examples/device-package"),
  project("house", "./"),
  {
    extends: true,
    test: {
      name: "interop",
      root: "./interop",
      include: ["*.test.ts"],
      globalSetup: ["./setup.ts"],
      testTimeout: 60_000,
      hookTimeout: 120_000,
    },
  },
]

export default projects
