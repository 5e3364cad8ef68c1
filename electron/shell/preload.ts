import { contextBridge, ipcRenderer } from 'electron'
import { type Frame, ipcChannels, type PreloadApi } from '../../shared/contract.ts'

let listeners = 0

/** All that the page gets. It never sees ipcRenderer, so it can use these channels and no others. */
const api: PreloadApi = {
  command: (name, arg) => ipcRenderer.invoke(ipcChannels.command, name, arg),
  onFrame(listener) {
    const forward = (_event: unknown, frame: Frame) => listener(frame)
    ipcRenderer.on(ipcChannels.frame, forward)
    if (++listeners === 1) ipcRenderer.send(ipcChannels.subscribe)
    let stopped = false
    return () => {
      if (stopped) return
      stopped = true
      ipcRenderer.off(ipcChannels.frame, forward)
      if (--listeners === 0) ipcRenderer.send(ipcChannels.unsubscribe)
    }
  },
  platform: process.platform,
}

contextBridge.exposeInMainWorld('poolscope', api)
