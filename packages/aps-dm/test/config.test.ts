import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { afterAll, describe, expect, it } from "vitest"
import { ConfigurationError, dmConfig, parseSetupFile } from "../src/index.ts"

const folder = mkdtempSync(join(tmpdir(), "ophyd-ts-dm-"))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe("a setup file", () => {
  it.each([
    ["plain", "export A=1", { A: "1" }],
    ["double quotes", 'export A="x y" B="a\\"b\\$c\\\\d\\e"', { A: "x y", B: 'a"b$c\\d\\e' }],
    ["single quotes", "export A='x $B \"y\"'", { A: 'x $B "y"' }],
    ["quotes in the middle", "export A=/a/'b c'/\"d\"/e\\ f", { A: "/a/b c/d/e f" }],
    ["values with = and #", "export A=k=v#1 # comment", { A: "k=v#1" }],
    ["several on a line", "export A=1 B=2; export C=3 && export D=4", { A: "1", B: "2", C: "3", D: "4" }],
    ["indented and in a block", 'if [ -z "$X" ]; then\n\texport A=1\nfi', { A: "1" }],
    ["set first, exported later", "A=1\nB=2\nexport A", { A: "1" }],
    [
      "references",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: bash writes references so
      'R=/opt/dm\nexport A=$R/etc B=${R}x C="${N:-d e}" D=${H}',
      { A: "/opt/dm/etc", B: "/opt/dmx", C: "d e", D: "/home/u" },
    ],
    [
      "no references in single quotes, an unset one is empty",
      "export A='$H' B=\"[$NO]\"",
      { A: "$H", B: "[]" },
    ],
    ["unset", "export A=1 B=2\nunset A", { B: "2" }],
    [
      "a value from before is kept by a reference to itself",
      "export PATH=/dm/bin:$PATH",
      { PATH: "/dm/bin:/bin" },
    ],
    ["continued lines", "export A=\\\n1 \\\n B=2\r\nexport C=3\r\n", { A: "1", B: "2", C: "3" }],
    ["a text over two lines", "export A='x\ny'", { A: "x\ny" }],
    ["last one wins", "export A=1\nexport A=2", { A: "2" }],
    ["commands are not assignments", "cd /x\nA=1 make\necho export A=3\nsource other.sh", {}],
    ["an unfinished quote", "export A='x", { A: "x" }],
  ])("%s", (_, text, exports) => {
    expect(Object.fromEntries(parseSetupFile(text, { H: "/home/u", PATH: "/bin" }).exports)).toEqual(exports)
  })

  it("is never run: what only a shell can tell is named with its line", () => {
    const { exports, unresolved } = parseSetupFile(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: bash writes references so
      'export A=`hostname`\n# x\nexport D="$(cd "$(dirname "$0")" && pwd)"\nE=$D/etc\nexport E F=${G%%/*} OK=1',
    )
    expect(Object.fromEntries(exports)).toEqual({ OK: "1" })
    expect(unresolved.map(({ name, line }) => [name, line])).toEqual([
      ["A", 1],
      ["D", 3],
      ["E", 4],
      ["F", 5],
    ])
  })
})

describe("a configuration", () => {
  const setup = file(
    "dm.setup.sh",
    "export DM_STATION_NAME=255IDZ\nexport DM_PROC_WEB_SERVICE_URL=https://proc.example:55536/dm/\nexport DM_DAQ_WEB_SERVICE_URL=$(which daq)\nexport DM_DS_WEB_SERVICE_URL=https://ds.example:22237",
  )

  it("takes an explicit value first, then the environment, then the setup file, and remembers which", () => {
    const config = dmConfig.fromSetupFile(
      setup,
      { urls: { ds: "http://127.0.0.1:1" } },
      { DM_STATION_NAME: "1ABC", DM_DS_WEB_SERVICE_URL: "http://127.0.0.1:2" },
    )
    expect([config.url("ds"), config.station, config.url("proc")]).toEqual([
      "http://127.0.0.1:1",
      "1ABC",
      "https://proc.example:55536",
    ])
    expect(config.entries.map(({ name, origin }) => [name, origin])).toEqual([
      ["urls.ds", "explicit"],
      ["urls.proc", "setup file"],
      ["station", "environment"],
    ])
  })

  it("tells the line of the setup file that would have to be run", () => {
    const config = dmConfig.fromSetupFile(setup, {}, {})
    expect(() => config.url("daq")).toThrow(
      /DM_DAQ_WEB_SERVICE_URL or urls.daq \(.*dm.setup.sh, line 3: .*shell/,
    )
    expect(() => config.url("cat")).toThrow(/set DM_CAT_WEB_SERVICE_URL/)
  })

  it("reads the login file only when it is needed, and never shows what is in it", () => {
    const loginFile = file("login", "s255user|pa|ss word \nrest")
    const config = dmConfig.from({ loginFile })
    expect(config.credentials()).toEqual({ username: "s255user", password: "pa|ss word" })
    expect(config.username()).toBe("s255user")
    for (const shown of [inspect(config, { depth: 9, showHidden: true }), JSON.stringify(config)]) {
      expect(shown).not.toContain("pa|ss")
    }
    const secret = dmConfig.from({ username: "u", password: "hidden-thing" })
    expect(inspect(secret, { depth: 9, showHidden: true })).not.toContain("hidden-thing")
    const broken = dmConfig.from({ loginFile: file("broken", "only-a-password") })
    expect(() => broken.credentials()).toThrow(ConfigurationError)
    expect(() => broken.credentials()).not.toThrow(/only-a-password/)
  })

  it.each([
    ["no credentials", () => dmConfig.from({}).credentials(), /DM_LOGIN_FILE/],
    [
      "no login file",
      () => dmConfig.from({ loginFile: "/nowhere/login" }).credentials(),
      /login file \/nowhere\/login \(ENOENT/,
    ],
    ["no station", () => dmConfig.from({}).station, /DM_STATION_NAME/],
    [
      "no setup file",
      () => dmConfig.fromSetupFile("/nowhere/dm.setup.sh"),
      /setup file \/nowhere\/dm.setup.sh \(ENOENT/,
    ],
    [
      "a setup file without exports",
      () => dmConfig.fromSetupFile(file("empty.sh", "echo 1")),
      /exports no DM_/,
    ],
    [
      "an address without a scheme",
      () => dmConfig.from({ urls: { ds: "host:22237" } }),
      /DM_DS_WEB_SERVICE_URL: "host:22237"/,
    ],
    ["a password in an address", () => dmConfig.from({ urls: { ds: "http://u:p@h" } }), /do not belong/],
    ["no time", () => dmConfig.from({ timeout: 0 }), /positive/],
  ])("%s is a clear error", (_, act, message) => {
    expect(act).toThrow(ConfigurationError)
    expect(act).toThrow(message)
  })
})
