import { ChevronRight, Eye, EyeOff } from 'lucide-react'
import { useState } from 'react'
import { Field, IconButton, Input, Select } from '../../components/index.ts'
import { type OAuthKey, oauthFields, oauthHelp, oauthSet } from './oauth.ts'
import { said } from './said.ts'
import type { Editor } from './use-editor.ts'

const whens = [
  { value: 'asked', label: 'When the server asks (default)', hint: 'You are told, and press Sign in' },
  { value: 'never', label: 'Never', hint: 'A server that asks for it is not used' },
] as const

/** The sign-in at a server elsewhere. Folded away, because it mostly works without a word. */
export function OAuthInputs({ editor }: { editor: Editor }) {
  const { form, change } = editor
  const set = oauthSet(form.oauth)
  const wrong = ['oauth', ...oauthFields.map(({ key }) => `oauth.${key}`)].some((field) => editor.finding(field))
  const [opened, setOpened] = useState(set > 0)
  const open = opened || wrong
  return (
    <section aria-label="Sign-in" className="col-span-2 flex flex-col gap-2">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpened(!open)}
        className="flex h-6 items-center gap-1 self-start text-sm font-medium text-ink-2 hover:text-ink"
      >
        <ChevronRight aria-hidden className={open ? 'size-3.5 rotate-90' : 'size-3.5'} />
        Sign-in (OAuth)
        <span className="text-xs font-normal text-ink-3">
          {set > 0 ? `${set} set` : 'works by itself with most servers'}
        </span>
      </button>
      {open && (
        <div className="grid grid-cols-2 gap-x-3 gap-y-2.5">
          <Field {...said(editor, 'oauth')} label="Sign in">
            <Select
              items={whens}
              value={form.oauth.off ? 'never' : 'asked'}
              onValueChange={(when) => change({ oauth: { ...form.oauth, off: when === 'never' } })}
            />
          </Field>
          {!form.oauth.off &&
            oauthFields.map(({ key, label, placeholder }) => (
              <Field key={key} {...said(editor, `oauth.${key}`)} label={label} hint={oauthHelp(key)}>
                <OAuthInput id={key} editor={editor} placeholder={placeholder} />
              </Field>
            ))}
        </div>
      )}
    </section>
  )
}

function OAuthInput({ id, editor, placeholder }: { id: OAuthKey; editor: Editor; placeholder: string }) {
  const { form, change } = editor
  const [shown, setShown] = useState(false)
  const secret = id === 'clientSecret'
  const input = (
    <Input
      mono
      data-field={`oauth.${id}`}
      type={secret && !shown ? 'password' : 'text'}
      inputMode={id === 'redirectPort' ? 'numeric' : 'text'}
      value={form.oauth[id]}
      placeholder={placeholder}
      onValueChange={(value) => change({ oauth: { ...form.oauth, [id]: value } })}
    />
  )
  if (!secret) return input
  return (
    <span className="flex items-center gap-1.5">
      {input}
      <IconButton
        icon={shown ? EyeOff : Eye}
        label={shown ? 'Hide the client secret' : 'Show the client secret'}
        onClick={() => setShown(!shown)}
      />
    </span>
  )
}
