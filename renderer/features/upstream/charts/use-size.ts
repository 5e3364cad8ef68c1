import { type RefCallback, useCallback, useState } from 'react'

/** Whole pixels. */
export interface Size {
  width: number
  height: number
}

/** The size of an element, null before it is known. Charts get it as numbers: recharts' own container measures on each render. */
export function useSize<E extends HTMLElement>(): [ref: RefCallback<E>, size: Size | null] {
  const [size, setSize] = useState<Size | null>(null)
  const ref: RefCallback<E> = useCallback((element) => {
    if (!element) return
    const observer = new ResizeObserver(([entry]) => {
      if (!entry) return
      const { width, height } = entry.contentRect
      setSize({ width: Math.floor(width), height: Math.floor(height) })
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return [ref, size]
}
