import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { afterEach, describe, expect, it, vi } from "vitest"
import type { Engine } from "../../src/container/engine.ts"
import { softIocImage } from "../../src/container/image.ts"

interface Asked {
  pulled?: { name: string; platform: string | undefined }
  context?: { context: string; src: string[] }
  options?: { t: string; buildargs: Record<string, string>; platform?: string }
  certificates?: string
}

/** An engine that builds what it is told to, or says what went wrong. */
function fakeEngine({
  has = false,
  architecture = "x86_64",
  says = [{ stream: "built\n" }] as object[],
} = {}) {
  const asked: Asked = {}
  const engine = {
    testcontainers: { ImageName: { fromString: (string: string) => ({ string }) } },
    client: {
      info: { containerRuntime: { architecture } },
      image: {
        exists: async () => has,
        pull: async ({ string }: { string: string }, { platform }: { platform: string | undefined }) => {
          asked.pulled = { name: string, platform }
        },
      },
      container: {
        dockerode: {
          buildImage: async (
            context: NonNullable<Asked["context"]>,
            options: NonNullable<Asked["options"]>,
          ) => {
            Object.assign(asked, { context, options })
            asked.certificates = await readFile(join(context.context, "pip-certificates.pem"), "utf8").catch(
              () => "",
            )
            return Readable.from([])
          },
          followProgress: (
            _: unknown,
            finished: (error: null) => void,
            progress: (event: object) => void,
          ) => {
            for (const event of says) progress(event)
            finished(null)
          },
        },
      },
    },
  }
  return { asked, engine: engine as unknown as Engine }
}

describe("the image of the genuine softIoc", () => {
  afterEach(() => vi.unstubAllEnvs())

  it("is not made again when the engine has it", async () => {
    const { asked, engine } = fakeEngine({ has: true })
    expect(await softIocImage(engine)).toMatch(/^ophyd-ts-softioc:[0-9a-f]{16}$/)
    expect(asked).toEqual({})
  })

  it("is named after what it is made of", async () => {
    const { engine } = fakeEngine({ has: true })
    const name = await softIocImage(engine, { base: "one" })
    expect(await softIocImage(engine, { base: "one" })).toBe(name)
    expect(await softIocImage(engine, { base: "two" })).not.toBe(name)
    vi.stubEnv("OPHYD_TS_CONTAINER_BASE", "two")
    expect(await softIocImage(engine)).toBe(await softIocImage(engine, { base: "two" }))
  })

  it("is made from the Dockerfile, the record types and the databases upon the base", async () => {
    for (const name of ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]) vi.stubEnv(name, "")
    const { asked, engine } = fakeEngine()
    const lines: string[] = []
    const name = await softIocImage(engine, { base: "mine:1", report: line => lines.push(line) })
    expect(asked.pulled).toEqual({ name: "mine:1", platform: undefined })
    expect(asked.options).toMatchObject({ t: name, buildargs: { BASE: "mine:1" } })
    expect(asked.context?.src).toEqual(
      expect.arrayContaining([
        "Dockerfile",
        "db/motors.db",
        "python/softioc.py",
        "python/requirements-softioc.txt",
      ]),
    )
    expect(asked.context?.src).not.toContain("pip-certificates.pem")
    expect(lines).toEqual([expect.stringContaining(`making the image ${name} from mine:1`), "built"])
    await expect(readFile(join(asked.context?.context ?? "", "Dockerfile"))).rejects.toThrow("ENOENT")
  })

  it("gets what pip needs to reach its index from the variables of this process", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ophyd-ts-cert-"))
    await writeFile(join(folder, "ca.pem"), "an authority")
    vi.stubEnv("PIP_CERT", join(folder, "ca.pem"))
    vi.stubEnv("PIP_INDEX_URL", "https://index.example/simple")
    vi.stubEnv("https_proxy", "http://proxy.example:3128")
    vi.stubEnv("PIP_EXTRA_INDEX_URL", "")
    const { asked, engine } = fakeEngine()
    try {
      await softIocImage(engine, { base: "mine" })
      expect(asked.certificates).toBe("an authority")
      expect(asked.options?.buildargs).toMatchObject({
        PIP_INDEX_URL: "https://index.example/simple",
        https_proxy: "http://proxy.example:3128",
      })
      expect(asked.options?.buildargs).not.toHaveProperty("PIP_EXTRA_INDEX_URL")
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it("is one for x86-64 where EPICS Base has no wheels for the engine's processor", async () => {
    const { asked, engine } = fakeEngine({ architecture: "aarch64" })
    await softIocImage(engine)
    expect([asked.pulled?.platform, asked.options?.platform]).toEqual(["linux/amd64", "linux/amd64"])
  })

  it("shows what the build has printed when it fails", async () => {
    // As the engine's messages arrive: its own in plain text, those of commands in Base64.
    const pip = Buffer.from("  Could not fetch URL ━━━\n").toString("base64")
    const says = [{ stream: "[wheels 3/5] RUN pip\n" }, { stream: `${pip}\n` }, { error: "exit code: 1" }]
    const { engine } = fakeEngine({ says })
    await expect(softIocImage(engine, { base: "mine" })).rejects.toMatchObject({
      code: "container-image-failed",
      message: expect.stringMatching(
        /could not make the image .* from mine: exit code: 1\n\[wheels 3\/5] RUN pip\n {2}Could not fetch URL ━━━$/,
      ),
    })
  })
})
