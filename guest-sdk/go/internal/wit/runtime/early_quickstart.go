//go:build wasm && quickstart

package runtime

import "unsafe"

const (
	// What the adapter keeps its state in.
	adapterSize = 128 << 10
	// Go's heap consists of arenas of this size, each at a multiple of it.
	arenaSize = 512 << 10
	// What Go's runtime (1.26) takes before the first arena.
	beforeArena = 448 << 10
)

var early, earlyEnd uintptr

// Go's linker lets this through with -checklinkname=0 only.
//
//go:linkname sbrk runtime.sbrk
func sbrk(size uintptr) unsafe.Pointer

// allocateEarly takes its memory from where Go's runtime is about to lay its heap, and just so much that the first arena needs
// no gap before it: the runtime would write zeros over the gap, up to 512 KiB in each fresh instance.
func allocateEarly(align, size uintptr) unsafe.Pointer {
	if early == 0 {
		early = uintptr(sbrk(0))
		gap := (arenaSize - (early+beforeArena)%arenaSize) % arenaSize
		if gap < adapterSize {
			gap += arenaSize
		}
		sbrk(gap)
		earlyEnd = early + gap
	}
	begin := (early + align - 1) &^ (align - 1)
	if begin+size > earlyEnd {
		panic("the adapter asks for more memory before the start than there is")
	}
	early = begin + size
	return unsafe.Pointer(begin)
}
