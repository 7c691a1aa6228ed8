export {
  type ExpectedFile,
  type ExpectedFiles,
  type ExpectOptions,
  expectFiles,
  untilFilesArrived,
} from "./expected-files.ts"
export { localPath, type ProbeSource, probeSource, type SourceState } from "./source.ts"
export { type SubmitUploadOptions, submitUpload, type UploadRequest } from "./submit-upload.ts"
export { type FailedFile, failedFiles, type TransferProgress, transferProgress } from "./transfer-progress.ts"
export { type UploadDescription, uploadItem } from "./upload-request.ts"
export {
  type StartUploadOptions,
  startUpload,
  UploadRun,
  type WatchUploadOptions,
  watchUpload,
} from "./upload-run.ts"
