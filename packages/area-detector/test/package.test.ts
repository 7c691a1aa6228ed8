import { expect, test } from "vitest"

test("the entry can be imported", async () => {
  expect(await import("@ophyd-ts/area-detector")).toBeTypeOf("object")
})
