/** `npm run ioc`: leaves the simulated beamline running until Ctrl-C, and says how to reach it. */
import { parseArgs } from "node:util"
import { startBeamline } from "../ioc/start.ts"

const usage = `npm run ioc -- [--prefix sim:] [--seed 1] [--port N] [--pva-port N]
  --prefix    first part of every PV name
  --seed      makes counting noise repeat
  --port      TCP port for Channel Access; default: any free one
  --pva-port  TCP port for pvAccess; default: any free one`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      prefix: { type: "string", default: "sim:" },
      seed: { type: "string", default: "1" },
      port: { type: "string", default: "0" },
      "pva-port": { type: "string", default: "0" },
      help: { type: "boolean", default: false },
    },
  })
  if (values.help) return console.log(usage)
  const { prefix } = values
  const beamline = await startBeamline({
    prefix,
    seed: integer("seed", values.seed),
    port: integer("port", values.port),
    pvaPort: integer("pva-port", values["pva-port"]),
  })
  const assign = process.platform === "win32" ? "set " : "export "
  const { ca, pva } = beamline.ports
  console.log(`Channel Access on 127.0.0.1:${ca}, pvAccess on 127.0.0.1:${pva}. PVs:\n`)
  for (const line of overview(prefix)) console.log(`  ${line}`)
  console.log("\nPaste this into another terminal to reach them with any EPICS client:\n")
  for (const [name, value] of Object.entries(beamline.clientEnvironment()))
    console.log(`  ${assign}${name}=${value}`)
  console.log(`\n  caget ${prefix}m1.RBV ${prefix}ring:Current`)
  console.log(`  caput -c ${prefix}m1 2.5`)
  console.log(`  pvget ${prefix}m1.RBV\n\nCtrl-C ends it.`)
  await new Promise<void>(resolve => {
    process.once("SIGINT", resolve)
    process.once("SIGTERM", resolve)
  })
  await beamline.close()
}

function overview(prefix: string): string[] {
  const rows: [string, string][] = [
    ["m1 m2 m3", "motors, with the motor record's fields (.RBV .DMOV .STOP .VELO …)"],
    ["det:Acquire", "1 takes an exposure of det:AcquireTime seconds; completes with it"],
    ["det:Counts det:Monitor", "its result: a peak over m1, and the incident beam"],
    ["det:PeakCenter det:PeakWidth", "where the peak is"],
    ["scaler1", "scaler record: .CNT .TP .S1 .S2 .S3"],
    ["ring:Current", "decays, and is topped up"],
    ["shutter:Request", "Close or Open; shutter:Position_RBV says where the blade is"],
    ["busy", "a put with completion of 1 waits for somebody's 0"],
  ]
  return rows.map(([names, what]) => {
    const full = names.split(" ").map(name => prefix + name)
    return `${full.join(" ").padEnd(44)} ${what}`
  })
}

function integer(option: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${option}: "${text}" is not a whole number`)
  return value
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  console.error(usage)
  process.exitCode = 1
})
