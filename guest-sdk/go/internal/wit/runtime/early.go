//go:build wasm && !quickstart

package runtime

import "unsafe"

// The adapter keeps its state in two pages of 64 KiB.
var (
	early     [256 << 10]byte
	earlyUsed uintptr
)

func allocateEarly(align, size uintptr) unsafe.Pointer {
	base := uintptr(unsafe.Pointer(&early))
	begin := (base+earlyUsed+align-1)&^(align-1) - base
	if begin+size > uintptr(len(early)) {
		panic("the adapter asks for more memory before the start than there is")
	}
	earlyUsed = begin + size
	return unsafe.Pointer(&early[begin])
}
