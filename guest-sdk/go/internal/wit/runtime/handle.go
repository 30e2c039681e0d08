//go:build wasm

package runtime

// Handle is the host's number for a resource, or 0 once it was given away or dropped.
type Handle struct {
	value int32
}

// MakeHandle holds a number.
func MakeHandle(value int32) *Handle {
	return &Handle{value}
}

// Use is the number. Without one it panics: the resource is gone.
func (handle *Handle) Use() int32 {
	if handle.value == 0 {
		panic("a resource of the host is used after it was dropped")
	}
	return handle.value
}

// Take is the number, which is the caller's from now on.
func (handle *Handle) Take() int32 {
	value := handle.Use()
	handle.value = 0
	return value
}

// Set holds another number.
func (handle *Handle) Set(value int32) {
	handle.value = value
}

// TakeOrNil is the number, which is the caller's from now on, or 0.
func (handle *Handle) TakeOrNil() int32 {
	value := handle.value
	handle.value = 0
	return value
}
