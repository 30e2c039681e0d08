package plugin

import "leveret/plugin/internal/settings"

// Setting is what the operator set under a name in `leveret.toml`, under `[plugin.<name>.settings]`, and whether it is set.
// It is the same for every delivery until the host starts again. While the host asks for the plugin's description there are
// none. Natively there are those that a test gave: see the package leveret/plugin/plugintest.
func Setting(name string) (text string, set bool) {
	return settings.Get(name)
}
