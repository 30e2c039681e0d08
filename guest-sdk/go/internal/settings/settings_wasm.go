// Package settings asks the host for settings or, natively, has those of a test.
package settings

import (
	"leveret/plugin/internal/bindings/wasi_config_store"
	wit "leveret/plugin/internal/wit/types"
)

// Get is the text of a setting, and whether it is set. It panics if the host fails to tell.
func Get(name string) (text string, set bool) {
	result := wasi_config_store.Get(name)
	if result.Tag() != wit.ResultOk {
		panic("the host does not tell the setting " + name)
	}
	found := result.Ok()
	return found.SomeOr(""), found.Tag() == wit.OptionSome
}
