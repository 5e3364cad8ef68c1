const { contextBridge, ipcRenderer } = require('electron')

contextBridge.exposeInMainWorld('fixture', {
  add: (a, b) => ipcRenderer.invoke('add', a, b),
  origin: () => ipcRenderer.invoke('origin'),
  unfit: () => ipcRenderer.invoke('unfit'),
  onTick: (count, listener) => {
    const forward = (_event, tick) => listener(tick)
    ipcRenderer.on('tick', forward)
    ipcRenderer.send('ticks', count)
    return () => ipcRenderer.off('tick', forward)
  },
  platform: process.platform,
})
