//go:build !wasm

// Package settings asks the host for settings or, natively, has those of a test.
package settings

import "sync"

var (
	lock sync.RWMutex
	all  map[string]string
)

// Get is the text of a setting, and whether it is set.
func Get(name string) (text string, set bool) {
	lock.RLock()
	defer lock.RUnlock()
	text, set = all[name]
	return text, set
}

// Replace puts these in place of all, and returns those before.
func Replace(settings map[string]string) (before map[string]string) {
	lock.Lock()
	defer lock.Unlock()
	before, all = all, settings
	return before
}
