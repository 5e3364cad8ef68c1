export { Age, Countdown } from './age.tsx'
export { Badge, type BadgeProps, type Tone, toneFill, toneInk } from './badge.tsx'
export { Button, type ButtonProps, IconButton, type IconButtonProps } from './button.tsx'
export { cn } from './cn.ts'
export { ConfirmDialog, type ConfirmOptions, ConfirmProvider, useConfirm } from './confirm.tsx'
export { Copy, CopyButton } from './copy.tsx'
export { Dialog, type DialogProps } from './dialog.tsx'
export { Callout, EmptyState, Skeleton } from './feedback.tsx'
export { Field, Input, NumberInput, TextArea } from './field.tsx'
export * from './format.ts'
export { useKey } from './hotkeys.ts'
export { Menu, MenuItem, MenuRadioGroup, MenuSeparator } from './menu.tsx'
export { OccupancyBar } from './occupancy-bar.tsx'
export { Select, type SelectItem } from './select.tsx'
export { ServerText } from './server-text.tsx'
export { Sparkline, type SparkPoint } from './sparkline.tsx'
export {
  authLook,
  breakerLook,
  connectionLook,
  lookOf,
  StateBadge,
  type StateLook,
  streamLook,
  upstreamLook,
} from './state-badge.tsx'
export { Switch } from './switch.tsx'
export { Table, Td, Th, Tr } from './table.tsx'
export { type TabItem, TabPanel, Tabs } from './tabs.tsx'
export { Tooltip, TooltipProvider } from './tooltip.tsx'
export { visibleText } from './visible-text.ts'
