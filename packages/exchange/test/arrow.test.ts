import fc from "fast-check"
import { expect, it } from "vitest"
import type { Column, ColumnType, ScalarType } from "../src/arrow/columns.ts"
import { arrowFile } from "../src/arrow/file.ts"
import { readArrow } from "./support/read-arrow.ts"

const scalars: Record<ScalarType, fc.Arbitrary<unknown>> = {
  float64: fc.double(),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  bool: fc.boolean(),
  utf8: fc.string({ unit: "grapheme" }),
}

const types = fc.constantFrom<ColumnType>(
  ...(Object.keys(scalars) as ScalarType[]).flatMap(type => [type, { list: type }] as const),
)

/** Several columns of one length, with values missing here and there. */
const tables = fc
  .record({ rows: fc.nat(20), types: fc.array(types, { minLength: 1, maxLength: 8 }) })
  .chain(({ rows, types }) =>
    fc.tuple(
      ...types.map((type, i) => {
        const scalar = fc.option(typeof type === "string" ? scalars[type] : scalars[type.list], { freq: 4 })
        const value: fc.Arbitrary<unknown> =
          typeof type === "string" ? scalar : fc.option(fc.array(scalar, { maxLength: 4 }))
        return fc
          .array(value, { minLength: rows, maxLength: rows })
          .map((values): Column => ({ name: `c${i} ä`, type, values }))
      }),
    ),
  )

it("a table written in Arrow's format is read back value by value", () => {
  fc.assert(
    fc.property(tables, columns => {
      const rows = readArrow(arrowFile(columns))
      expect(rows).toHaveLength(columns[0]!.values.length)
      for (const { name, values } of columns) expect(rows.map(row => row[name])).toEqual(values)
    }),
  )
})

it("typed arrays, nested lists and whole numbers become what their column holds", () => {
  const rows = readArrow(
    arrowFile([
      { name: "t", type: { list: "float64" }, values: [new Float32Array([0.5, 2]), [[1], [2]]] },
      { name: "n", type: "int64", values: [3, true] },
      { name: "s", type: "utf8", values: [{ a: 1 }, "x"] },
    ]),
  )
  expect(rows).toEqual([
    { t: [0.5, 2], n: 3n, s: '{"a":1}' },
    { t: [1, 2], n: 1n, s: "x" },
  ])
})
