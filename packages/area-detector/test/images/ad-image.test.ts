import { decode } from "fast-png"
import { CaClient, CaServer, ServerPv } from "node-epics-ca"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { main, usage } from "../../src/cli/main.ts"
import { ImageServer } from "./support.ts"

describe("ad-image", () => {
  let images: ImageServer
  beforeAll(async () => {
    images = await ImageServer.open()
    images.post(7, { data: Uint16Array.of(100, 200, 300, 400), shape: [2, 2] })
  })
  afterAll(() => images[Symbol.asyncDispose]())

  interface Outcome {
    code: number
    out: string[]
    err: string[]
    files: Map<string, Uint8Array>
  }

  async function run(words: readonly string[], ca?: CaClient): Promise<Outcome> {
    const outcome: Outcome = { code: -1, out: [], err: [], files: new Map() }
    outcome.code = await main(words, {
      print: line => outcome.out.push(line),
      complain: line => outcome.err.push(line),
      write: async (file, bytes) => {
        if (file.startsWith("/nowhere")) throw new Error("no such directory")
        outcome.files.set(file, bytes)
      },
      signal: new AbortController().signal,
      clients: { pva: images.client, ...(ca === undefined ? {} : { ca }) },
    })
    return outcome
  }

  it("describes a frame and draws it", async () => {
    const { code, out, err, files } = await run([images.name, "--out", "x.png"])
    expect(err).toEqual([])
    expect(code).toBe(0)
    const bytes = files.get("x.png")!
    expect(out).toEqual([
      `pva://${images.name}: 2 × 2 uint16 Mono, id 7, 1970-01-01T00:16:47.000Z, pixels 100 to 400`,
      `x.png: 2 × 2, ${bytes.length} bytes`,
    ])
    expect([...decode(bytes).data]).toEqual([0, 85, 170, 255])
  })

  it.each([
    [
      ["-l", "200,300"],
      [0, 0, 255, 255],
    ],
    [
      ["-l", "-100,400"],
      [102, 153, 204, 255],
    ],
    [
      ["--percentiles", "0,100"],
      [0, 85, 170, 255],
    ],
  ])("draws with %j", async (words, shades) => {
    const { files } = await run([images.name, "-o", "x.png", ...words])
    expect([...decode(files.get("x.png")!).data]).toEqual(shades)
  })

  it("only describes when no file is named, and waits for a new frame when told", async () => {
    expect(await run([`pva://${images.name}`])).toMatchObject({ code: 0, files: new Map() })
    const late = await run([images.name, "--next", "-w", "0.05"])
    expect(late).toMatchObject({ code: 1, err: [expect.stringContaining("no frame came within 0.05 s")] })
  })

  it("takes the frame of a StdArrays plugin", async () => {
    await using server = await openStdArrays()
    await using client = new CaClient({ ...server.ca.clientConfig(), timeout: 20 })
    const { code, out } = await run(["ca://S:image1:"], client)
    expect({ code, out }).toEqual({
      code: 0,
      out: [expect.stringMatching(/^ca:\/\/S:image1:ArrayData: 1 × 2 int16 Mono, id 3, .* pixels 5 to 6$/)],
    })
  })

  it("helps, and says what is wrong with a command line", async () => {
    expect(await run(["--help"])).toMatchObject({ code: 0, out: [usage] })
    for (const [words, why] of [
      [[], "give one PV"],
      [["a", "b"], "give one PV"],
      [["a", "--limit", "1,2"], "Unknown option '--limit'"],
      [["a", "--limits", "1"], "--limits takes two numbers, such as 0,4095, not 1"],
      [["a", "--limits", "2,1"], "limits are two rising numbers"],
      [["a", "--percentiles", "1,101"], "percentiles rise from 0 to 100"],
      [["a", "--limits", "1,2", "--percentiles", "1,2"], "give either --limits or --percentiles"],
      [["a", "-w", "soon"], "--timeout is a number of seconds above 0, not soon"],
      [["http://a"], 'http://a: "http" is none of the protocols'],
    ] as const) {
      const { code, err } = await run(words)
      expect({ code, err: err.join("\n") }).toEqual({ code: 2, err: expect.stringContaining(why) })
    }
  })

  it("says what went wrong, and ends with 1", async () => {
    const nobody = await run(["nobody", "-w", "0.05"])
    expect(nobody).toMatchObject({ code: 1, err: [expect.stringContaining("pva://nobody: reading a frame")] })
    const full = await run([images.name, "-o", "/nowhere/x.png"])
    expect(full).toMatchObject({ code: 1, err: ["cannot write /nowhere/x.png: no such directory"] })
  })
})

async function openStdArrays(): Promise<AsyncDisposable & { ca: CaServer }> {
  const ca = await CaServer.listen()
  ca.add(new ServerPv("S:image1:ArrayData", { type: "short", value: [5, 6] }))
  ca.add(new ServerPv("S:image1:Dimensions_RBV", { type: "long", value: [2, 1, 0] }))
  for (const [name, value] of Object.entries({
    UniqueId: 3,
    ArrayCounter: 3,
    NDimensions: 2,
    ColorMode: 0,
    DataType: 2,
  }))
    ca.add(new ServerPv(`S:image1:${name}_RBV`, { type: "long", value }))
  ca.add(new ServerPv("S:image1:TimeStamp_RBV", { type: "double", value: 0 }))
  return { ca, [Symbol.asyncDispose]: () => ca.close() }
}
