import type { Editor } from './use-editor.ts'

/** What Field is to say about a field. */
export function said(editor: Editor, field: string): { error?: string; warning?: string } {
  const finding = editor.finding(field)
  if (!finding) return {}
  return finding.level === 'error' ? { error: finding.message } : { warning: finding.message }
}
