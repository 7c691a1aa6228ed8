import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { demoWorkflow, startDmService } from "@ophyd-ts/ioc-sim"
import { expect, it, onTestFinished } from "vitest"
import { codeOf } from "../../../test/support/page-blocks.ts"
import { main } from "../src/cli/program.ts"
import { DmSpool } from "../src/index.ts"
import { temporaryDirectory } from "./support/service.ts"

const page = fileURLToPath(new URL("../../../docs/dm-command-line.md", import.meta.url))

/** What differs from one time to the next, and the widths of columns that follow from it. */
const masked = (text: string): string =>
  text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "UUID")
    .replace(/job [0-9a-f]{8}/g, "job ID")
    .replace(/\b\d{15}-\d{6}-[0-9a-f]{8}\b/g, "ITEM")
    .replace(/\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d([-+]\d\d:\d\d)?)?/g, "DATE")
    .replace(/http:\/\/127\.0\.0\.1:\d+/g, "URL")
    .replace(/ (\/|[A-Z]:\\)\S+…/g, " PATH")
    .replace(/\d+\.\d+/g, "NUMBER")
    .replace(/\b\d{10}\b/g, "TIME")
    // A time that ends with a zero takes a byte less.
    .replace(/(?<=experiment example-01 +)\d+(?= +0)/g, "BYTES")
    .replace(/ +/g, " ")
    .replace(/-{3,}/g, "---")
    .replace(/ +$/gm, "")

it("the page of the command line shows what it does", async () => {
  const text = await readFile(page, "utf8")
  const demo = demoWorkflow({ stageSeconds: 0.01 })
  const sim = await startDmService({
    dataRoot: await temporaryDirectory(),
    experiments: [{ name: "example-01" }],
    workflows: [demo.workflow],
    commands: demo.commands,
    timing: { pending: 0.01, finalizing: 0.01, poll: 0.02 },
  })
  onTestFinished(() => sim.close())
  const source = await temporaryDirectory()
  const rows = ["# motor det", ...[-2, -1, 0, 1, 2].map(x => `${x} ${x + 3}`)]
  for (const name of ["scan_0001.txt", "scan_0002.txt", "scan_0003.txt"]) {
    await writeFile(join(source, name), `${rows.join("\n")}\n`)
  }
  const spool = join(await temporaryDirectory(), "spool")
  await new DmSpool({ directory: spool }).add({
    kind: "dataset",
    dataset: { experimentName: "example-01", datasetName: "run_uid8_01234567" },
  })
  let id = ""
  const run = async (line: string) => {
    let out = ""
    const words = line.split(" ").slice(2)
    const status = await main(
      words.map(word => word.replaceAll("/local/scan", source).replace(/^1e418381-.*/, id)),
      {
        out: written => {
          out += written
        },
        err: () => {},
        tty: false,
        environment: { ...sim.environment(), OPHYD_TS_DM_SPOOL: spool },
        interrupt: new AbortController().signal,
      },
    )
    if (words.includes("--no-wait")) id = out.trim()
    expect([line, status]).toEqual([line, 0])
    return out
      .replaceAll(source, "/local/scan")
      .replaceAll(join(sim.dataRoot, "dm.login"), "/tmp/dm/dm.login")
      .replace(`${spool} environment`, "SPOOL")
  }
  const shown = codeOf(text, "console").flatMap(block => block.split(/^\$ /m).slice(1))
  expect(shown.length).toBeGreaterThan(10)
  for (const example of shown) {
    const [line = "", ...expected] = example.trimEnd().split("\n")
    const printed = (await run(line)).trimEnd()
    // Where the spool lies is the account's own business.
    const comparable = (output: string) => masked(output).replace(/^spool .*$/m, "spool")
    expect(`$ ${line}\n${comparable(printed)}`).toBe(`$ ${line}\n${comparable(expected.join("\n"))}`)
  }
}, 60_000)
