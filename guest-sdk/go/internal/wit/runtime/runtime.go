//go:build wasm

// Package runtime gives the host memory to write into, which it asks for with `cabi_realloc`.
//
// While it runs, the component model forbids every call out of the component, and Go's runtime would make some: it reads
// the clock when it starts, assists or paces a garbage collection. A collection that begins here would trap: on an instance
// that handles many deliveries, and with a large payload on a fresh one. So this goroutine is pinned, which keeps Go from
// collecting and from assisting, and the adapter is told to answer for the clock by itself. The collection begins with the
// next allocation of the handler.
package runtime

import (
	"runtime"
	"unsafe"
)

// What the host wrote for the call that is about to begin, kept alive until the bindings hold it themselves.
var given runtime.Pinner

// Whether Go's runtime can allocate. The adapter asks for room for its own state before: see allocateEarly.
var started bool

func init() {
	started = true
	reserveStack(0)
}

// reserveStack makes room for 32 KiB on the stack that every call runs on. It would grow to that step by step, and each step
// of a deeper stack costs more than this one: a tenth of what a fresh instance takes.
//
//go:noinline
func reserveStack(at int) byte {
	var frame [24 << 10]byte
	return frame[at]
}

//go:wasmimport wasi_snapshot_preview1 adapter_monotonic_clock_set_paused
func pauseClock(paused bool)

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if !started {
		return allocateEarly(align, size)
	}
	procPin()
	pauseClock(true)
	memory := Allocate(&given, size, align)
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(memory), size), unsafe.Slice((*byte)(old), min(oldSize, size)))
	}
	pauseClock(false)
	procUnpin()
	return memory
}

// Allocate makes room for size bytes, which stay where they are until the pinner lets them go.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	memory := allocate(size, align)
	pinner.Pin(memory)
	return memory
}

func allocate(size, align uintptr) unsafe.Pointer {
	switch align {
	case 1:
		return unsafe.Pointer(unsafe.SliceData(make([]uint8, size)))
	case 2:
		return unsafe.Pointer(unsafe.SliceData(make([]uint16, (size+1)/2)))
	case 4:
		return unsafe.Pointer(unsafe.SliceData(make([]uint32, (size+3)/4)))
	default:
		return unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	}
}

// Unpin lets go of what the host wrote: from now on it lives as long as the bindings refer to it.
func Unpin() {
	given.Unpin()
}
