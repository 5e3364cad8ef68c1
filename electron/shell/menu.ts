import { Menu, type MenuItemConstructorOptions } from 'electron'

/** Standard roles only: without a menu, macOS has no copy, paste and quit. */
export function setupMenu(): void {
  const macOnly: MenuItemConstructorOptions[] = process.platform === 'darwin' ? [{ role: 'appMenu' }] : []
  const roles = ['fileMenu', 'editMenu', 'viewMenu', 'windowMenu'] as const
  Menu.setApplicationMenu(Menu.buildFromTemplate([...macOnly, ...roles.map((role) => ({ role }))]))
}
