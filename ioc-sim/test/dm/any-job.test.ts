import fc from "fast-check"
import { expect, test } from "vitest"
import type { Doc } from "../../src/dm/documents.ts"
import { startSim } from "./support.ts"

const owner = "s255user"
const stage = fc.record(
  {
    command: fc.constantFrom("/bin/true", "/bin/false", "/bin/echo $filePath", "unknown $x", "/bin/sleep 3"),
    runIf: fc.constantFrom("1 == 1", "1 == 2", '"$filePath" in ["a", "b"]', "not understood"),
    parallelExec: fc.boolean(),
    outputVariableRegexList: fc.constantFrom(["(?P<v>\\w+)"], ["(?P<w>.*)$", "(?P<v>a)"], []),
    repeatUntil: fc.constantFrom('"$v" == "a"', "1 == 2", "True"),
    maxRepeats: fc.integer({ min: 1, max: 3 }),
    repeatPeriod: fc.integer({ min: 0, max: 5 }),
  },
  { requiredKeys: ["command", "maxRepeats"] },
)
const stages = fc.dictionary(fc.stringMatching(/^0[1-5]-[A-Z]{1,3}$/), stage, { minKeys: 1, maxKeys: 5 })
const files = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 4 })

test("any job of any workflow ends, with children numbered over the whole job and counters that fit them", async () => {
  const { dm, clock } = await startSim({ ports: "one", parallelChildren: 2 })
  await fc.assert(
    fc.asyncProperty(stages, files, async (definition, filePathList) => {
      dm.workflows.upsert({ name: "any", owner, stages: definition })
      const { id } = dm.jobs.start(owner, "any", { filePathList }, { username: owner })
      await clock.advance(500)
      const job = dm.jobs.get(owner, id)
      const inOrder = Object.entries((job.workflow as { stages: Record<string, Doc> }).stages).sort(
        ([a], [b]) => (a < b ? -1 : 1),
      )
      const children = inOrder.flatMap(([, s]) =>
        Object.values((s.childProcesses ?? {}) as Record<string, Doc>),
      )
      const numbers = children.map(child => child.childProcessNumber)
      expect(numbers).toEqual(numbers.map((_, index) => index))

      for (const [, s] of inOrder) {
        const own = Object.values((s.childProcesses ?? {}) as Record<string, Doc>)
        const count = (status: string) => own.filter(child => child.status === status).length
        expect(s.nCompletedChildProcesses ?? 0).toBe(count("done"))
        expect(s.nFailedChildProcesses ?? 0).toBe(count("failed"))
        expect(s.nQueuedChildProcesses ?? 0).toBe(count("pending"))
        expect(s.nRunningChildProcesses ?? 0).toBe(0)
      }
      const failed = children.some(child => child.exitStatus !== 0)
      expect(job.status).toBe(failed || job.errorMessage !== undefined ? "failed" : "done")
      if (filePathList.length === 0) expect(job).not.toHaveProperty("stage")
      expect(Number(job.endTime)).toBeLessThanOrEqual(clock.time())
    }),
    { numRuns: 150 },
  )
})
