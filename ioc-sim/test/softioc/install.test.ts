import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { installPython } from "../../src/softioc/install.ts"

/** A Python that makes environments holding itself, and whose pip notes what it was asked for. */
const python = `#!/bin/sh
case "$1 $2" in
  "-c "*) echo "\${FAKE_VERSION:-3 12}" ;;
  "-m venv") mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
  "-m pip") echo "$*" >> "$FAKE_LOG"; if [ -n "$FAKE_PIP_FAILS" ]; then echo "no matching distribution" >&2; exit 1; fi ;;
esac
`

describe.skipIf(process.platform === "win32")(
  "installing the Python environment",
  { timeout: 120_000 },
  () => {
    let folder: string
    let lists: { softIoc: string; peers: string }
    const venv = (): string => join(folder, "venv")
    const pipCalls = async (): Promise<string[]> =>
      (await readFile(join(folder, "log"), "utf8").catch(() => "")).split("\n").filter(line => line !== "")

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "ophyd-ts-install-"))
      lists = { softIoc: join(folder, "softioc.txt"), peers: join(folder, "peers.txt") }
      const file = join(folder, "python3")
      await writeFile(file, python)
      await chmod(file, 0o755)
      await writeFile(lists.softIoc, "one==1\n")
      await writeFile(lists.peers, "other==1\n")
      vi.stubEnv("PYTHON", file)
      vi.stubEnv("FAKE_LOG", join(folder, "log"))
    })
    afterEach(async () => {
      vi.unstubAllEnvs()
      await rm(folder, { recursive: true })
    })

    it("makes an environment, installs the list, and does nothing the next time", async () => {
      const lines: string[] = []
      const report = (line: string): void => void lines.push(line)
      expect(await installPython({ venv: venv(), lists, report })).toMatchObject({ changed: true })
      expect(await pipCalls()).toEqual([expect.stringContaining(`-r ${lists.softIoc}`)])
      expect(lines[0]).toContain(`making ${venv()}`)
      expect(await installPython({ venv: venv(), lists })).toMatchObject({ changed: false })
      expect(await pipCalls()).toHaveLength(1)
    })

    it("installs again when the list has changed", async () => {
      await installPython({ venv: venv(), lists })
      await writeFile(lists.softIoc, "one==2\n")
      expect(await installPython({ venv: venv(), lists })).toMatchObject({ changed: true })
      expect(await pipCalls()).toHaveLength(2)
    })

    it("adds the peers when they are wanted, and keeps them when they are not asked for again", async () => {
      await installPython({ venv: venv(), lists })
      expect(await installPython({ venv: venv(), lists, peers: true })).toMatchObject({ changed: true })
      expect((await pipCalls())[1]).toContain(`-r ${lists.softIoc} -r ${lists.peers}`)
      for (const peers of [true, false])
        expect(await installPython({ venv: venv(), lists, peers })).toMatchObject({ changed: false })
      await writeFile(lists.peers, "other==2\n")
      expect(await installPython({ venv: venv(), lists })).toMatchObject({ changed: false })
      expect(await installPython({ venv: venv(), lists, peers: true })).toMatchObject({ changed: true })
    })

    it("says what the installer said when it fails, and tries again the next time", async () => {
      vi.stubEnv("FAKE_PIP_FAILS", "yes")
      await expect(installPython({ venv: venv(), lists })).rejects.toMatchObject({
        code: "install-failed",
        message: expect.stringMatching(
          /-m pip install .* ended with exit status 1\nno matching distribution/,
        ),
      })
      vi.stubEnv("FAKE_PIP_FAILS", "")
      expect(await installPython({ venv: venv(), lists })).toMatchObject({ changed: true })
    })

    it("makes an environment anew whose Python does not run any more", async () => {
      await installPython({ venv: venv(), lists })
      await writeFile(join(venv(), "bin", "python"), "#!/no/such/interpreter\n")
      expect(await installPython({ venv: venv(), lists })).toMatchObject({ changed: true })
    })

    it("does not start with a Python that is too old", async () => {
      vi.stubEnv("FAKE_VERSION", "3 9")
      await expect(installPython({ venv: venv(), lists })).rejects.toMatchObject({
        code: "python-not-found",
        message: expect.stringMatching(/python3: version 3\.9\)/),
      })
    })
  },
)
