import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { installPeers } from "../../src/softioc/install.ts"

/** A Python that makes environments holding itself, and whose pip notes what it was asked for. */
const python = `#!/bin/sh
case "$1 $2" in
  "-c "*) echo "\${FAKE_VERSION:-3 12}" ;;
  "-m venv") mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
  "-m pip") echo "$*" >> "$FAKE_LOG"; if [ -n "$FAKE_PIP_FAILS" ]; then echo "no matching distribution" >&2; exit 1; fi ;;
esac
`

describe.skipIf(process.platform === "win32")("installing the peers", { timeout: 120_000 }, () => {
  let folder: string
  let requirements: string
  const venv = (): string => join(folder, "venv")
  const pipCalls = async (): Promise<string[]> =>
    (await readFile(join(folder, "log"), "utf8").catch(() => "")).split("\n").filter(line => line !== "")

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "ophyd-ts-install-"))
    requirements = join(folder, "requirements.txt")
    const file = join(folder, "python3")
    await writeFile(file, python)
    await chmod(file, 0o755)
    await writeFile(requirements, "one==1\n")
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
    expect(await installPeers({ venv: venv(), requirements, report })).toMatchObject({ changed: true })
    expect(await pipCalls()).toEqual([expect.stringContaining(`-r ${requirements}`)])
    expect(lines[0]).toContain(`making ${venv()}`)
    expect(await installPeers({ venv: venv(), requirements })).toMatchObject({ changed: false })
    expect(await pipCalls()).toHaveLength(1)
  })

  it("installs again when the list has changed", async () => {
    await installPeers({ venv: venv(), requirements })
    await writeFile(requirements, "one==2\n")
    expect(await installPeers({ venv: venv(), requirements })).toMatchObject({ changed: true })
    expect(await pipCalls()).toHaveLength(2)
  })

  it("says what the installer said when it fails, and tries again the next time", async () => {
    vi.stubEnv("FAKE_PIP_FAILS", "yes")
    await expect(installPeers({ venv: venv(), requirements })).rejects.toMatchObject({
      code: "install-failed",
      message: expect.stringMatching(/-m pip install .* ended with exit status 1\nno matching distribution/),
    })
    vi.stubEnv("FAKE_PIP_FAILS", "")
    expect(await installPeers({ venv: venv(), requirements })).toMatchObject({ changed: true })
  })

  it("makes an environment anew whose Python does not run any more", async () => {
    await installPeers({ venv: venv(), requirements })
    await writeFile(join(venv(), "bin", "python"), "#!/no/such/interpreter\n")
    expect(await installPeers({ venv: venv(), requirements })).toMatchObject({ changed: true })
  })

  it("does not start with a Python that is too old", async () => {
    vi.stubEnv("FAKE_VERSION", "3 9")
    await expect(installPeers({ venv: venv(), requirements })).rejects.toMatchObject({
      code: "python-not-found",
      message: expect.stringMatching(/python3: version 3\.9\)/),
    })
  })
})
