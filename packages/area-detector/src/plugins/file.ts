import { boolean, choice, integer, type SignalR, string } from "@ophyd-ts/core"
import { NdPlugin } from "./plugin.ts"

/** What file plugins share: the records of NDFile. */
export abstract class FilePlugin extends NdPlugin {
  /** Directory on the IOC host. The IOC adds a separator at its end. */
  readonly filePath = this.signal.rbv(string, "FilePath", { kind: "omitted" })
  readonly filePathExists = this.signal.r(boolean, "FilePathExists_RBV", { kind: "omitted" })
  /** 0: none; -n: creates up to n levels; n: the first n levels must exist. Acts when `filePath` is written. */
  readonly createDirectory = this.optional.rbv(integer, "CreateDirectory")
  readonly fileName = this.signal.rbv(string, "FileName", { kind: "omitted" })
  readonly fileNumber = this.signal.rbv(integer, "FileNumber", { kind: "omitted" })
  /** A printf format for path, name and number: `%s%s_%6.6d.h5`. */
  readonly fileTemplate = this.signal.rbv(string, "FileTemplate", { kind: "omitted" })
  readonly autoIncrement = this.signal.rbv(boolean, "AutoIncrement", { kind: "omitted" })
  /** The file that is or was written; right once it was opened. */
  readonly fullFileName = this.signal.r(string, "FullFileName_RBV", { kind: "omitted" })
  readonly fileWriteMode = this.signal.rbv(choice("Single", "Capture", "Stream"), "FileWriteMode", {
    kind: "omitted",
  })
  /** True: takes frames, and is done when capturing has ended. False: done when the file is closed. */
  readonly capture = this.signal.rbv(boolean, "Capture", { kind: "omitted", whenBusy: "queue" })
  /** Frames to capture; 0 until stopped. */
  readonly numCapture = this.signal.rbv(integer, "NumCapture", { kind: "omitted" })
  readonly numCaptured = this.signal.r(integer, "NumCaptured_RBV", { kind: "omitted" })
  readonly autoSave = this.optional.rbv(boolean, "AutoSave")
  /** Opens the file at the first frame, so that its size and type need not be known before. */
  readonly lazyOpen = this.optional.rw(boolean, "LazyOpen")
  readonly tempSuffix = this.optional.rbv(string, "TempSuffix")
  readonly writeStatus: SignalR<string> = this.optional.r<string>(
    choice("Write OK", "Write error"),
    "WriteStatus",
  )
  readonly writeMessage = this.optional.r(string, "WriteMessage")
}
