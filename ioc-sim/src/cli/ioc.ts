/** `npm run ioc`: leaves the simulated beamline running until Ctrl-C, and says how to reach it. */
import { tmpdir } from "node:os"
import { parseArgs } from "node:util"
import { startBeamline } from "../ioc/start.ts"

const usage = `npm run ioc -- [--prefix sim:] [--seed 1] [--port N] [--pva-port N]
  --prefix    first part of every PV name
  --seed      makes counting noise repeat
  --port      TCP port for Channel Access; default: any free one
  --pva-port  TCP port for pvAccess; default: any free one`

/** What was asked for; null for help. @throws Error that says what is wrong with the words */
function readOptions(): { prefix: string; seed: number; port: number; pvaPort: number } | null {
  const { values } = parseArgs({
    options: {
      prefix: { type: "string", default: "sim:" },
      seed: { type: "string", default: "1" },
      port: { type: "string", default: "0" },
      "pva-port": { type: "string", default: "0" },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) return null
  return {
    prefix: values.prefix,
    seed: integer("seed", values.seed, Number.MAX_SAFE_INTEGER),
    port: integer("port", values.port, 65535),
    pvaPort: integer("pva-port", values["pva-port"], 65535),
  }
}

async function main(): Promise<void> {
  let options: ReturnType<typeof readOptions>
  try {
    options = readOptions()
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`)
    process.exitCode = 2
    return
  }
  if (options === null) return console.log(usage)
  const { prefix } = options
  const beamline = await startBeamline(options)
  const assign = process.platform === "win32" ? "set " : "export "
  const { ca, pva } = beamline.ports
  console.log(`Channel Access on 127.0.0.1:${ca}, pvAccess on 127.0.0.1:${pva}. PVs:\n`)
  for (const line of overview(prefix)) console.log(`  ${line}`)
  console.log("\nPaste this into another terminal to reach them with any EPICS client:\n")
  for (const [name, value] of Object.entries(beamline.clientEnvironment()))
    console.log(`  ${assign}${name}=${value}`)
  for (const line of examples(prefix)) console.log(line)
  console.log("\nCtrl-C ends it.")
  await new Promise<void>(resolve => {
    process.once("SIGINT", resolve)
    process.once("SIGTERM", resolve)
  })
  await beamline.close()
}

/** PVs by what they belong to: names below the prefix, and what they are. */
const groups: Readonly<Record<string, readonly (readonly [names: string, what: string])[]>> = {
  "Sample stage": [["m1 m2 m3", "motors, with the motor record's fields (.RBV .DMOV .STOP .VELO …)"]],
  "Point detector": [
    ["det:Acquire", "1 takes an exposure of det:AcquireTime seconds; completes with it"],
    ["det:Counts det:Monitor", "its result: a peak over m1, and the incident beam"],
    ["det:PeakCenter det:PeakWidth", "where the peak is"],
    ["scaler1", "scaler record: .CNT .TP .S1 .S2 .S3"],
    ["stage det:Points", "pvAccess only: the motors' positions; a table of the newest exposures"],
  ],
  "Area detector (ADSimDetector)": [
    ["ad:cam1:Acquire", "1 takes images; a put with completion ends with them"],
    ["ad:cam1:ImageMode ad:cam1:NumImages", "Single, Multiple or Continuous; how many"],
    ["ad:cam1:AcquireTime ad:cam1:SizeX", "exposure; region, binning, DataType, ColorMode, SimMode"],
    ["ad:Stats1:Total_RBV", "statistics, once ad:Stats1:EnableCallbacks is Enable"],
    ["ad:ROI1:SizeX", "a region for the plugins whose NDArrayPort is ROI1"],
    ["ad:image1:ArrayData", "the pixels as a waveform"],
    ["ad:Pva1:Image", "the image as NTNDArray, over pvAccess only"],
    ["ad:HDF1:Capture ad:TIFF1:Capture", "write files where FilePath says; it has to be set first"],
  ],
  Beamline: [
    ["ring:Current", "decays, and is topped up"],
    ["shutter:Request", "Close or Open; shutter:Position_RBV says where the blade is"],
    ["busy", "a put with completion of 1 waits for somebody's 0"],
  ],
}

function overview(prefix: string): string[] {
  return Object.entries(groups).flatMap(([title, rows]) => [
    title,
    ...rows.map(([names, what]) => {
      const full = names.split(" ").map(name => prefix + name)
      return `  ${full.join(" ").padEnd(48)} ${what}`
    }),
  ])
}

function examples(prefix: string): string[] {
  return [
    "",
    `  caget ${prefix}m1.RBV ${prefix}ring:Current`,
    `  caput -c ${prefix}m1 2.5`,
    `  pvget ${prefix}m1.RBV`,
    "",
    "Three images into an HDF5 file, and one to look at:",
    "",
    `  caput -S ${prefix}ad:HDF1:FilePath ${tmpdir()}      (on this machine; files go nowhere else)`,
    `  caput -S ${prefix}ad:HDF1:FileName test`,
    `  caput ${prefix}ad:HDF1:EnableCallbacks Enable`,
    `  caput ${prefix}ad:HDF1:FileWriteMode Stream`,
    `  caput ${prefix}ad:HDF1:LazyOpen Yes`,
    `  caput ${prefix}ad:HDF1:NumCapture 3`,
    `  caput ${prefix}ad:HDF1:Capture Capture`,
    `  caput ${prefix}ad:cam1:ImageMode Multiple`,
    `  caput ${prefix}ad:cam1:NumImages 3`,
    `  caput -c ${prefix}ad:cam1:Acquire Acquire`,
    `  caget -S ${prefix}ad:HDF1:FullFileName_RBV ${prefix}ad:HDF1:WriteMessage`,
    `  pvget ${prefix}ad:Pva1:Image`,
  ]
}

function integer(option: string, text: string, most: number): number {
  const value = text.trim() === "" ? Number.NaN : Number(text)
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw new Error(`--${option}: "${text}" is not a whole number from 0 to ${most}`)
  return value
}

main().catch((error: unknown) => {
  const { message, cause } = error as Error
  console.error(cause instanceof Error ? `${message}: ${cause.message}` : message)
  process.exitCode = 1
})
