import type { ComponentProps } from 'react'
import { cn } from './cn.ts'

/**
 * The look of every table: 28 px rows, sticky head, tabular figures, numbers right-aligned (`numeric`). Only styles:
 * state, sorting and subscriptions belong to the feature.
 */
export const Table = ({ className, ...rest }: ComponentProps<'table'>) => (
  <table {...rest} className={cn('w-full border-separate border-spacing-0 text-left text-sm', className)} />
)

interface Numeric {
  numeric?: boolean
}

export const Th = ({ className, numeric, ...rest }: ComponentProps<'th'> & Numeric) => (
  <th
    scope="col"
    {...rest}
    className={cn(
      'sticky top-0 z-10 h-7 border-b border-line bg-panel px-2 text-xs font-medium whitespace-nowrap text-ink-3',
      numeric && 'text-right',
      className,
    )}
  />
)

export const Tr = ({ className, ...rest }: ComponentProps<'tr'>) => (
  <tr {...rest} className={cn('group/row hover:bg-hover data-[selected=true]:bg-accent-soft', className)} />
)

export const Td = ({ className, numeric, ...rest }: ComponentProps<'td'> & Numeric) => (
  <td
    {...rest}
    className={cn('h-7 border-b border-line px-2 whitespace-nowrap', numeric && 'text-right tabular-nums', className)}
  />
)
