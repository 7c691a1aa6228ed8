import { FilePlugin } from "./file.ts"

/** Writes TIFF files, one for each frame (NDFileTIFF). */
export class TiffPlugin extends FilePlugin {
  override get expectedType(): string {
    return "NDFileTIFF"
  }
}
